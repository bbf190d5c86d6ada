import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../../scripts/build/compile.ts";
import { fileOf, ownTarget } from "../../scripts/build/targets.ts";
import { temporaryFolder } from "../support/process/server-process.ts";

// The executable unpacks its addon into the temporary folder; a program run from source does not. So this builds it.

const folder = temporaryFolder();
const program = join(folder.path, fileOf(ownTarget()));
beforeAll(async () => {
  expect(await compile(ownTarget(), program)).toEqual([]);
});
afterAll(() => folder[Symbol.dispose]());

async function run(command: string[], TMPDIR: string) {
  const child = Bun.spawn(command, { env: { TMPDIR }, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

const ADVICE =
  "The database addon is unpacked there at each start: set TMPDIR to a folder that exists, can be written to and allows execution.\n";

test("with a usable temporary folder the executable prints its version", async () => {
  const temporary = join(folder.path, "usable");
  mkdirSync(temporary);
  const { code, stdout, stderr } = await run([program, "--version"], temporary);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^twinpost \d+\.\d+\.\d+, commit \S+, Bun \d+\.\d+\.\d+\n$/);
});

test("a missing or invalid temporary folder is reported in plain words", async () => {
  const missing = join(folder.path, "missing");
  const result = await run([program, "--version"], missing);
  expect(result).toEqual({
    code: 1,
    stdout: "",
    stderr: `twinpost: the temporary folder ${missing} does not exist. ${ADVICE}`,
  });
  const file = join(folder.path, "file");
  writeFileSync(file, "");
  const { code, stderr } = await run([program, "serve"], file);
  expect([code, stderr]).toEqual([1, `twinpost: the temporary folder ${file} is no folder. ${ADVICE}`]);
});

/** A mount for one command, in its own namespace: nothing of it remains afterwards. */
const mounted = (options: string, at: string, command: string[]) => [
  "unshare",
  "--mount",
  "sh",
  "-c",
  `mount -t tmpfs -o ${options} tmpfs "$0" && exec "$@"`,
  at,
  ...command,
];
const canMount =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  Bun.spawnSync(mounted("size=1m", "/mnt", ["true"])).exitCode === 0;

for (const [options, says] of [
  ["ro", "is read-only."],
  ["noexec", "is mounted noexec, so that nothing in it can be executed."],
  ["size=1m", "is full."],
] as const) {
  test.skipIf(!canMount)(`a temporary folder mounted ${options} is reported in plain words (needs root)`, async () => {
    const temporary = join(folder.path, options);
    mkdirSync(temporary);
    const { code, stdout, stderr } = await run(mounted(options, temporary, [program, "--version"]), temporary);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(`twinpost: the temporary folder ${temporary} ${says} ${ADVICE}`);
  });
}
