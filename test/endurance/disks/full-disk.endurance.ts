import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Wire } from "../../support/http/http-connection.ts";
import { canMount, fillUp, openDisk } from "../../support/process/disks.ts";
import { createAccount, runTool } from "../../support/process/server-process.ts";
import { auditFile, auditOf } from "../audit/audit-data-dir.ts";
import { startBystander } from "../server/bystander.ts";
import { start } from "../server/start-server.ts";
import { openDiskDevice } from "./disk-device.ts";

const MINUTE = 60_000;
/** The log when the disk is full, up to 16 MB, needs this room in the database before its own can be reused. */
const BALLAST_BYTES = 20 * 1024 * 1024;

const say = (line: string) => process.stdout.write(`      ${line}\n`);

test.skipIf(!canMount("tmpfs", "ext4")).each(["tmpfs", "ext4"] as const)(
  "on a full disk (%s) writes are answered 500 and reads go on; with space again so do writes, and nothing acknowledged is lost",
  async (kind) => {
    using disk = openDisk(kind);
    const dataDir = join(disk.path, "data");
    const ballast = join(disk.path, "ballast");
    mkdirSync(dataDir);
    const account = await createAccount({ dataDir });
    const { server } = await start(dataDir, account);
    await using _ = server;
    await using bystander = await startBystander(server.url, account.secret);
    writeFileSync(ballast, new Uint8Array(BALLAST_BYTES));

    const headers = { authorization: account.secret };
    const acknowledged = new Map<string, string>();
    let refused = 0;
    /** Creates twins, until `inARow` in a row were refused or acknowledged. */
    const write = async (size: number, until: 201 | 500, inARow: number) => {
      const wire = await Wire.open(server.url);
      for (let row = 0; row < inARow; ) {
        const description = { n: Math.random(), filling: "x".repeat(size) };
        const { status, text } = await wire.call("POST", "/twins", { headers, body: JSON.stringify({ description }) });
        const answer = JSON.parse(text);
        row = status === until ? row + 1 : 0;
        if (status === 201) acknowledged.set(answer.creation_certificate.uuid, text);
        else {
          expect([status, answer.subcode]).toEqual([500, 500_314]);
          refused++;
        }
      }
      wire.close();
    };
    const readAll = async () => {
      const wire = await Wire.open(server.url);
      for (const [id, told] of acknowledged) {
        expect((await wire.call("GET", `/twins/${id}`, { headers })).text).toBe(told);
      }
      wire.close();
    };
    /** Exactly the acknowledged twins exist: those answered with 500 do not. */
    const audit = () => expect(auditOf(dataDir).journal.twins.size).toBe(acknowledged.size);

    // Small writes fit into existing pages for a long time, which takes too long where each is slow.
    const sizes = kind === "tmpfs" ? [20_000, 20_000, 3_000, 3_000, 100, 100, 100, 100] : [20_000, 20_000];
    await Promise.all(sizes.map((size) => write(size, 500, 20)));
    await write(20_000, 500, 20);
    const whenFull = acknowledged.size;
    await readAll();
    audit();
    expect((await bystander.report()).trouble).toEqual([]);

    rmSync(ballast);
    await Promise.all([20_000, 3_000, 100, 100].map((size) => write(size, 201, 10)));
    await readAll();
    audit();
    const { trouble, worstMs } = await bystander.report();
    expect(trouble).toEqual([]);
    say(
      `full disk: ${whenFull} writes acknowledged before, ${acknowledged.size - whenFull} after, ${refused} refused;`,
    );
    say(`others waited ${worstMs} ms at most`);

    // Full again, killed, and started while it is full; on ext4, with its last block taken, a start needs some room.
    fillUp(ballast);
    await write(20_000, 500, 20);
    await server.end("SIGKILL");
    if (kind === "ext4") rmSync(ballast);
    const again = await start(dataDir, account);
    await using restarted = again.server;
    expect(restarted.pid).not.toBe(server.pid);
    audit();

    rmSync(ballast, { force: true });
    const device = await openDiskDevice(restarted, account);
    fillUp(ballast);
    await device.putUntilRefused();
    await device.expectReads();
    rmSync(ballast);
    await device.expectStored();
    fillUp(ballast);
    await device.putUntilRefused();
    device.close();
    // An orderly end does not need to store anything.
    expect(await restarted.end()).toBe(0);
    auditFile(dataDir);
    fillUp(ballast);

    // An empty folder, where nothing fits.
    const elsewhere = { dataDir: join(disk.path, "elsewhere"), cwd: tmpdir() };
    const full = /^twinpost: cannot open the data directory \S+: [^\n]*full\n$/;
    for (const words of [["serve"], ["account", "create", "--name", "x"]]) {
      expect(await runTool(words, elsewhere)).toEqual({ code: 1, stdout: "", stderr: expect.stringMatching(full) });
    }
    rmSync(ballast);
    // How much the first one takes depends on how large its log could grow.
    rmSync(dataDir, { recursive: true });
    const { server: fresh } = await start(elsewhere.dataDir, await createAccount(elsewhere));
    expect(await fresh.end()).toBe(0);
    auditFile(elsewhere.dataDir);
  },
  2 * MINUTE,
);
