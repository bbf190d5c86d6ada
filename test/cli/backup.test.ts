import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { backUp } from "../../src/store/backup/back-up.ts";
import { createAccountHere, runHere } from "../support/process/run-here.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { openWorld } from "../support/world/world.ts";

test("a restore replaces a database only with --force, and keeps the old one", async () => {
  await using world = await openWorld();
  using folder = memoryFolder();
  const { authorization } = await world.createAccount();
  const [elsewhere, file] = [join(folder.path, "elsewhere"), join(folder.path, "backup")];
  const { clock, random } = world.deps;
  await backUp({ dataDir: world.dataDir, file, withKey: true, clock, random });
  expect((await runHere(["restore", file], { dataDir: elsewhere })).code).toBe(0);
  const twice = await runHere(["restore", file], { dataDir: elsewhere });
  expect([twice.code, twice.stderr]).toEqual([
    1,
    `twinpost: ${elsewhere} holds a database already; --force replaces it, and keeps it in a folder beside\n`,
  ]);
  const { secret: late } = await createAccountHere(elsewhere);
  const forced = await runHere(["restore", file, "--force"], { dataDir: elsewhere });
  expect(forced.stdout).toMatch(/What was there before is in .*replaced-.*; delete it/);
  const [replaced = ""] = readdirSync(elsewhere).filter((name) => name.startsWith("replaced-"));
  expect(existsSync(join(elsewhere, replaced, "twinpost.db"))).toBe(true);

  await using restored = await openWorld({}, undefined, { path: elsewhere, [Symbol.dispose]() {} });
  const statusOf = async (authorization: string) =>
    (await restored.call("GET", "/whoami", { headers: { authorization } })).status;
  expect([await statusOf(authorization), await statusOf(late)]).toEqual([200, 401]);
});

test("a wrong command line for backup or restore exits with code 2", async () => {
  using folder = memoryFolder();
  for (const [args, says] of [
    [["backup"], "backup needs FILE"],
    [["backup", "a", "b"], 'does not know what to do with "b"'],
    [["restore"], "restore needs FILE"],
  ] as const) {
    const { code, stderr } = await runHere([...args], { dataDir: folder.path });
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
  }
});
