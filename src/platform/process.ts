import { deno } from "./runtime.ts";

/** What runs this program. */
export const runtime = deno ? `Deno ${deno.version.deno}` : `Bun ${Bun.version}`;

/** Whether this is the built executable, rather than source code that a runtime runs. */
const isBuilt = !deno && (Bun.main.startsWith("/$bunfs/") || /^[A-Z]:[\\/]~BUN[\\/]/.test(Bun.main));

/** How whoever started this program would call it again. */
export function programCall(): string {
  if (isBuilt) return "twinpost";
  return deno ? "deno run -A src/main.ts" : `npx -y bun@${Bun.version} run twinpost`;
}
