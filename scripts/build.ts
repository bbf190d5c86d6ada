import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "./build/compile.ts";
import { PackageError } from "./build/packages.ts";
import { startMilliseconds } from "./build/start-time.ts";
import { fileOf, ownTarget, TARGETS, type Target } from "./build/targets.ts";

// `bun run build`: one executable for this machine, dist/twinpost, with the libSQL addon, the migrations and everything
// else inside.
// `bun run build --all`: also one for each kind of machine, and SHA256SUMS over those.

const dist = join(import.meta.dir, "../dist");
const own = ownTarget();
const ownFile = join(dist, own.format === "pe" ? "twinpost.exe" : "twinpost");

const args = process.argv.slice(2);
if (args.some((arg) => arg !== "--all")) {
  process.stderr.write("usage: bun run build [--all]\n");
  process.exit(2);
}

mkdirSync(dist, { recursive: true });
const checksums = join(dist, "SHA256SUMS");
for (const stale of [checksums, ownFile]) rmSync(stale, { force: true });

if (args.length === 0) {
  const built = await build(own, ownFile);
  if (built) await tellStart();
  process.exit(built ? 0 : 1);
}

const built: Target[] = [];
for (const target of TARGETS) if (await build(target, join(dist, fileOf(target)))) built.push(target);
if (built.includes(own)) {
  cpSync(join(dist, fileOf(own)), ownFile);
  await tellStart();
}
// Checksums cover a whole release, so a partial build has none.
if (built.length === TARGETS.length) {
  const lines = built.map(async (target) => {
    const digest = new Bun.CryptoHasher("sha256")
      .update(await Bun.file(join(dist, fileOf(target))).bytes())
      .digest("hex");
    return `${digest}  ${fileOf(target)}\n`;
  });
  writeFileSync(checksums, (await Promise.all(lines)).join(""));
}
process.stdout.write(`${built.length} passed, ${TARGETS.length - built.length} failed\n`);
process.exit(built.length === TARGETS.length ? 0 : 1);

/** Builds one file and prints its size; or prints why it failed, and leaves no file. */
async function build(target: Target, outfile: string): Promise<boolean> {
  const started = performance.now();
  rmSync(outfile, { force: true });
  try {
    const faults = await compile(target, outfile);
    if (faults.length === 0) {
      const megabytes = (statSync(outfile).size / 1e6).toFixed(0);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(`ok     ${outfile}: ${megabytes} MB in ${seconds} s\n`);
      return true;
    }
    tellFailure(target, faults.join("; "));
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    tellFailure(target, error.message);
  }
  rmSync(outfile, { force: true });
  return false;
}

function tellFailure(target: Target, why: string): void {
  process.stdout.write(`FAILED ${fileOf(target)} is not built: ${why}\n`);
}

async function tellStart(): Promise<void> {
  process.stdout.write(
    `       ${ownFile}: ${await startMilliseconds(ownFile)} ms from start to first answer, on this machine\n`,
  );
}
