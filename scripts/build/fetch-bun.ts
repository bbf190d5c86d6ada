import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

// `node scripts/build/fetch-bun.ts FOLDER` puts the Bun of bun.lock into a folder, as `bun`. For machines that have
// only Node and build files that others will run: `npx bun` would trust the registry; this checks the digest of the
// lockfile. It is run by Node, so it imports nothing of ours, and uses no syntax beyond types that Node can strip.

const root = join(import.meta.dirname, "../..");
const [folder] = process.argv.slice(2);
const machine = process.arch === "x64" ? "x64" : "aarch64";
const name = `@oven/bun-${process.platform}-${machine}`;
if (!folder) fail("usage: node scripts/build/fetch-bun.ts FOLDER");

// One package per line.
const line = readFileSync(join(root, "bun.lock"), "utf8")
  .split("\n")
  .find((text) => text.includes(`"${name}": [`));
const [, version, digest] = line?.match(/@(\d+\.\d+\.\d+)", .*"sha512-([\w+/=]+)"\]/) ?? [];
if (!version || !digest) fail(`bun.lock has no ${name}`);

mkdirSync(folder, { recursive: true });
const fetched = mkdtempSync(join(folder, "fetching-"));
try {
  execFileSync("npm", ["pack", `${name}@${version}`, "--silent", "--pack-destination", fetched], { stdio: "ignore" });
  const file = join(fetched, readdirSync(fetched).find((entry) => entry.endsWith(".tgz")) ?? "none");
  if (createHash("sha512").update(readFileSync(file)).digest("base64") !== digest) {
    throw new Error(`${name}@${version} is not the package that bun.lock names: its digest differs`);
  }
  execFileSync("tar", ["-xzf", file, "-C", fetched, "package/bin/bun"]);
  renameSync(join(fetched, "package/bin/bun"), join(folder, "bun"));
  process.stdout.write(`${name}@${version}\n`);
} finally {
  rmSync(fetched, { recursive: true, force: true });
}

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}
