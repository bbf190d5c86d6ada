import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAccount } from "../support/server-process.ts";
import { canMount, fillUp, type SmallDisk, smallDisk } from "../support/small-disk.ts";
import { auditOf } from "./audit.ts";
import { startBystander } from "./bystander.ts";
import { start } from "./starting.ts";
import { Wire } from "./wire.ts";

const MINUTE = 60_000;

const say = (line: string) => process.stdout.write(`      ${line}\n`);

if (!canMount) say("(only root can mount a small disk: the test of a full one is skipped)");

test.skipIf(!canMount)(
  "on a full disk writes are answered 500 and reads go on; with space again so do writes, and nothing acknowledged is lost",
  async () => {
    using disk = smallDisk() as SmallDisk;
    const dataDir = join(disk.path, "data");
    const ballast = join(disk.path, "ballast");
    mkdirSync(dataDir);
    const account = await createAccount({ dataDir });
    const { server } = await start(dataDir, account);
    await using _ = server;
    await using bystander = await startBystander(server.url, account.secret);
    writeFileSync(ballast, new Uint8Array(2 * 1024 * 1024));

    const headers = { authorization: account.secret };
    const acknowledged = new Map<string, string>();
    let refused = 0;
    /** Creates twins, until so many in a row have been refused or acknowledged. */
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
    /** As many twins as were acknowledged: what was answered 500 is not there. */
    const audit = () => expect(auditOf(dataDir).journal.twins.size).toBe(acknowledged.size);

    await Promise.all([20_000, 20_000, 3_000, 3_000, 100, 100, 100, 100].map((size) => write(size, 500, 20)));
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

    // Full once more, killed, and started while it still is.
    fillUp(ballast);
    await write(20_000, 500, 20);
    await server.end("SIGKILL");
    const again = await start(dataDir, account);
    await using restarted = again.server;
    expect(restarted.pid).not.toBe(server.pid);
    audit();
  },
  MINUTE,
);
