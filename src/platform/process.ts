/** Whether this is the built executable, rather than source code that Bun runs. */
const isBuilt = Bun.main.startsWith("/$bunfs/") || /^[A-Z]:[\\/]~BUN[\\/]/.test(Bun.main);

/** How whoever started this program would call it again. */
export const programCall = () => (isBuilt ? "twinpost" : `npx -y bun@${Bun.version} run twinpost`);

/** What runs this program. */
export const runtime = `Bun ${Bun.version}`;
