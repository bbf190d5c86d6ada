import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { createAccountHere, runHere } from "../support/process/run-here.ts";
import { runTool, SOURCE, startServer, temporaryFolder } from "../support/process/server-process.ts";

// Backup and restore as processes: exit codes and output. A backup always runs as a process, because it changes its
// priority and handles signals. What needs no process is in test/cli/backup.test.ts.

const placesIn = (folder: string) => ({
  dataDir: join(folder, "data"),
  elsewhere: join(folder, "elsewhere"),
  file: join(folder, "backup"),
});

const statusOf = async (url: string, authorization: string) =>
  (await fetch(`${url}/whoami`, { headers: { authorization } })).status;

test("a backup made while a server runs is restored elsewhere, and serves what the first server served", async () => {
  using folder = temporaryFolder();
  const { dataDir, elsewhere, file } = placesIn(folder.path);
  const { secret } = await createAccountHere(dataDir);
  await using server = await startServer({ dataDir });
  const headers = { authorization: secret };
  const made = await fetch(`${server.url}/twins`, { method: "POST", headers, body: '{"description":{"a":1}}' });
  const twin = (await made.json()) as { creation_certificate: { uuid: string } };
  const jwt = ((await (await fetch(`${server.url}/token`, { method: "POST", headers })).json()) as { token: string })
    .token;

  const backup = await runTool(["backup", file], { dataDir });
  expect([backup.code, backup.stderr]).toEqual([0, ""]);
  expect(backup.stdout).toMatch(/backup: \d+\.\d MB, with the master key, which gives access to everything/);
  const refused = await runTool(["backup", file], { dataDir });
  expect([refused.code, refused.stderr]).toEqual([1, `twinpost: ${file} exists already, and is never overwritten\n`]);

  const restored = await runHere(["restore", file], { dataDir: elsewhere, cwd: folder.path });
  expect([restored.code, restored.stderr]).toEqual([0, ""]);
  expect(restored.stdout).toStartWith(`${elsewhere} is restored to its state of 2`);
  await using second = await startServer({ dataDir: elsewhere });
  const path = `/twins/${twin.creation_certificate.uuid}`;
  // The token's signing key is sealed by the master key, which is in the backup.
  const found = await fetch(`${second.url}${path}`, { headers: { authorization: jwt } });
  expect(await found.json()).toEqual(twin);

  const under = await runHere(["restore", file, "--force"], { dataDir: elsewhere });
  expect([under.code, under.stderr]).toEqual([1, `twinpost: another twinpost serves ${elsewhere}; stop it first\n`]);
});

test("a backup without the master key says so, and is restored with a copy of the key", async () => {
  using folder = temporaryFolder();
  const { dataDir, elsewhere, file } = placesIn(folder.path);
  const { secret } = await createAccountHere(dataDir);
  const backup = await runTool(["backup", file, "--without-key"], { dataDir });
  expect([backup.code, backup.stdout]).toEqual([0, expect.stringContaining("WITHOUT the master key")]);
  const options = { dataDir: elsewhere, cwd: folder.path };
  const refused = await runHere(["restore", file], options);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("name it with --key FILE\n")]);
  expect((await runHere(["restore", file, "--key", join(dataDir, "master.key")], options)).code).toBe(0);
  await using server = await startServer({ dataDir: elsewhere });
  expect(await statusOf(server.url, secret)).toBe(200);
});

test("a backup ended by a signal leaves nothing; a killed one leaves nothing that restore would accept", async () => {
  using folder = temporaryFolder();
  const dataDir = join(folder.path, "data");
  const target = join(folder.path, "backups");
  await createAccountHere(dataDir);
  fill(dataDir);
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const file = join(folder.path, "file");
    const child = Bun.spawn([...SOURCE, "backup", file, "--data-dir", dataDir], { stdout: "ignore", stderr: "pipe" });
    while (!readdirSync(folder.path).some((name) => name.startsWith("file"))) await Bun.sleep(1);
    child.kill(signal);
    await child.exited;
    const left = readdirSync(folder.path).filter((name) => name.startsWith("file"));
    if (signal === "SIGTERM") expect([child.exitCode, left]).toEqual([1, []]);
    for (const name of left) {
      expect(name).toEndWith(".partial");
      for (const path of [join(folder.path, name), join(folder.path, name, "database")]) {
        const { code, stderr } = await runHere(["restore", path], { dataDir: target, cwd: folder.path });
        expect([code, stderr]).toEqual([1, expect.stringMatching(/is no file|is no backup|no such file/)]);
      }
      rmSync(join(folder.path, name), { recursive: true });
    }
  }
});

test("a server makes scheduled backups in a separate process", async () => {
  using folder = temporaryFolder();
  const dataDir = join(folder.path, "data");
  const dir = join(folder.path, "backups");
  await createAccountHere(dataDir);
  const env = { TWINPOST_BACKUP_CRON: "* * * * * *", TWINPOST_BACKUP_DIR: dir, TWINPOST_BACKUP_KEEP: "1" };
  await using server = await startServer({ dataDir, env });
  const made = () => (existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith(".backup")) : []);
  while (made().length === 0) await Bun.sleep(20);
  const [first = ""] = made();
  while (made().includes(first)) await Bun.sleep(20);
  expect(await server.end()).toBe(0);
  const [newest = ""] = made();
  expect(readFileSync(join(dir, newest)).toString("latin1", 0, 15)).toBe("SQLite format 3");
  const elsewhere = join(folder.path, "elsewhere");
  expect((await runHere(["restore", join(dir, newest)], { dataDir: elsewhere, cwd: folder.path })).code).toBe(0);
});

/** Enough data for a copy to take a while. */
function fill(dataDir: string): void {
  const connection = new Connection(join(dataDir, "twinpost.db"));
  connection.run("BEGIN");
  for (let i = 0; i < 20_000; i++)
    connection.run("INSERT INTO sealed_keys VALUES (?, ?)", `key ${i}`, "x".repeat(2_000));
  connection.run("COMMIT");
  connection.close();
}
