import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Wire } from "../../support/http/http-connection.ts";
import { canMount, type Disk, openDisk } from "../../support/process/disks.ts";
import { type Account, createAccount, runTool, startServer } from "../../support/process/server-process.ts";
import { auditFile } from "../audit/audit-data-dir.ts";
import { openBeside } from "../audit/journal-audit.ts";
import { openDiskDevice } from "./disk-device.ts";

const MINUTE = 60_000;
const STOP_MS_MAX = 10_000;

/** Creates twins and reads them, and knows which exist. */
class TwinWriter {
  readonly #told = new Map<string, string>();
  readonly #headers: Record<string, string>;

  constructor({ secret }: Account) {
    this.#headers = { authorization: secret };
  }

  async write(url: string, until: "stored" | "refused"): Promise<void> {
    const wire = await Wire.open(url);
    for (let i = 0; i < 20; i++) {
      const body = JSON.stringify({ description: { n: i } });
      const { status, text } = await wire.call("POST", "/twins", { headers: this.#headers, body });
      const answer = JSON.parse(text);
      if (until === "refused") expect([status, answer.subcode]).toEqual([500, 500_314]);
      else this.#told.set(answer.creation_certificate.uuid, text);
    }
    wire.close();
  }

  async readAll(url: string): Promise<void> {
    const wire = await Wire.open(url);
    for (const [id, told] of this.#told) {
      expect((await wire.call("GET", `/twins/${id}`, { headers: this.#headers })).text).toBe(told);
    }
    wire.close();
  }

  /** Exactly the acknowledged twins are there. */
  audit(dataDir: string): void {
    auditFile(dataDir);
    const database = openBeside(dataDir);
    const rows = database.all("SELECT id FROM twins WHERE id NOT IN (SELECT id FROM devices)");
    database.close();
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set<unknown>(this.#told.keys()));
  }
}

async function openWorld(disk: Disk) {
  const dataDir = join(disk.path, "data");
  mkdirSync(dataDir);
  const account = await createAccount({ dataDir, cwd: tmpdir() });
  return { dataDir, account, twins: new TwinWriter(account), start: () => startServer({ dataDir, cwd: tmpdir() }) };
}

/** A command that would write there is refused in one line. */
async function expectRefused(dataDir: string, reason: string): Promise<void> {
  const stderr = `twinpost: cannot open the data directory ${dataDir}: ${reason}\n`;
  expect(await runTool(["serve"], { dataDir, cwd: tmpdir() })).toEqual({ code: 1, stdout: "", stderr });
}

test.skipIf(!canMount("tmpfs", "ext4"))(
  "while its files cannot be written a server refuses writes, by REST and MQTT, and reads on; then it goes on without a restart",
  async () => {
    using disk = openDisk("ext4");
    const { dataDir, account, twins, start } = await openWorld(disk);
    await using server = await start();
    const device = await openDiskDevice(server, account);
    const files = ["twinpost.db", "twinpost.db-wal"].map((name) => join(dataDir, name));
    await twins.write(server.url, "stored");
    for (let round = 0; round < 3; round++) {
      disk.run("chattr", "+i", ...files);
      await twins.write(server.url, "refused");
      await device.putUntilRefused();
      await twins.readAll(server.url);
      await device.expectReads();
      disk.run("chattr", "-i", ...files);
      await twins.write(server.url, "stored");
      await device.expectStored();
      await twins.readAll(server.url);
    }
    device.close();
    twins.audit(dataDir);
    expect(await server.end()).toBe(0);
    twins.audit(dataDir);

    disk.run("chattr", "+i", files[0] as string);
    await expectRefused(dataDir, "permission denied");
    disk.run("chattr", "-i", files[0] as string);
  },
  MINUTE,
);

test.skipIf(!canMount("tmpfs", "ext4"))(
  "when its disk fails and becomes read-only a server reads on and ends in good order, and loses nothing once the disk is repaired",
  async () => {
    using disk = openDisk("ext4");
    const { dataDir, account, twins, start } = await openWorld(disk);
    const image = join(disk.path, "..", "image");
    const server = await start();
    await using _ = server;
    const device = await openDiskDevice(server, account);
    await twins.write(server.url, "stored");
    const loops = readdirSync("/sys/fs/ext4").filter((name) => name.startsWith("loop"));
    const own = loops.find((name) =>
      Bun.spawnSync(["losetup", "-j", image]).stdout.toString().startsWith(`/dev/${name}:`),
    );
    writeFileSync(`/sys/fs/ext4/${own}/trigger_fs_error`, "1");
    await twins.write(server.url, "refused");
    await device.putUntilRefused();
    await twins.readAll(server.url);
    await device.expectReads();
    device.close();
    const began = performance.now();
    expect(await server.end()).toBe(0);
    expect(performance.now() - began).toBeLessThan(STOP_MS_MAX);
    // The kernel does not report it to a check beforehand, so the first write fails.
    const refused = await runTool(["serve"], { dataDir, cwd: tmpdir() });
    expect(refused).toEqual({ code: 1, stdout: "", stderr: expect.stringMatching(/^twinpost: [^\n]+\n$/) });

    disk.run("umount", disk.path);
    // 1: something was repaired.
    expect([0, 1]).toContain(Bun.spawnSync(["fsck.ext4", "-f", "-y", image]).exitCode);
    disk.mount("rw");
    await using again = await start();
    await twins.readAll(again.url);
    await twins.write(again.url, "stored");
    twins.audit(dataDir);
    expect(await again.end()).toBe(0);
  },
  MINUTE,
);

test.skipIf(!canMount("tmpfs", "ext4"))(
  "a server does not start in a directory that is read-only: neither where a database is, nor where none is yet",
  async () => {
    using disk = openDisk("tmpfs");
    const { dataDir } = await openWorld(disk);
    const reason = "the file system is read-only";
    disk.run("mount", "-o", "remount,ro", disk.path);
    await expectRefused(dataDir, reason);
    await expectRefused(join(disk.path, "elsewhere"), reason);
    await expectRefused(disk.path, reason);
    const { code, stderr } = await runTool(["account", "create", "--name", "x"], { dataDir, cwd: tmpdir() });
    expect([code, stderr.split("\n").length]).toEqual([1, 2]);
    disk.run("mount", "-o", "remount,rw", disk.path);
    await using server = await startServer({ dataDir, cwd: tmpdir() });
    expect(await server.end()).toBe(0);
  },
  MINUTE,
);
