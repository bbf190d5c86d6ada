import { expect, test } from "bun:test";
import { Wire } from "../../support/http/http-connection.ts";
import { type Account, createAccount, runTool, temporaryFolder } from "../../support/process/server-process.ts";
import { auditOf } from "../audit/audit-data-dir.ts";
import { TOPICS } from "../audit/sticker-audit.ts";
import { startBystander } from "../server/bystander.ts";
import { before, start } from "../server/start-server.ts";
import { listenTo } from "./put-stickers.ts";
import { Load } from "./write-load.ts";

const WRITERS = 48;
const MINUTE = 60_000;

const say = (line: string) => process.stdout.write(`      ${line}\n`);

test(
  "accounts are created while a server is under load and continues to answer, and a second server is refused",
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const account = await createAccount({ dataDir });
    const stranger = await createAccount({ dataDir }, "Stranger");
    listenTo(dataDir, account.account, Object.values(TOPICS).flat());
    const load = new Load(account, WRITERS);
    const { journal } = auditOf(dataDir);
    const { server } = await start(dataDir, account);
    await using _ = server;
    await load.prepare(server.url, stranger);
    await using bystander = await startBystander(server.url, account.secret);
    const writing = load.run(server.url);
    await load.books.untilAcknowledged(100);

    const created: Account[] = [];
    let slowestMs = 0;
    await bystander.report();
    for (let i = 0; i < 20; i++) {
      const began = performance.now();
      created.push(await createAccount({ dataDir }, `Company ${i}`));
      slowestMs = Math.max(slowestMs, performance.now() - began);
    }
    const beside = await bystander.report();

    const second = await runTool(["serve", "--http", "127.0.0.1:0"], { dataDir });
    expect(second.code).toBe(1);
    expect(second.stdout).toBe("");
    expect(second.stderr).toBe(`twinpost: another twinpost serves ${dataDir}; stop it first\n`);
    const refusing = await bystander.report();

    const wire = await Wire.open(server.url);
    for (const { secret, token, ...ids } of created) {
      for (const headers of [{ authorization: secret }, { "x-auth-token": token }] as Record<string, string>[]) {
        const { status, text } = await wire.call("GET", "/whoami", { headers });
        expect([status, JSON.parse(text)]).toEqual([200, ids]);
      }
    }
    await before(Promise.resolve(), writing);
    expect(await server.end("SIGTERM")).toBe(0);
    await writing;

    const { entries } = auditOf(dataDir, journal);
    const written = entries.filter(({ kind }) => kind !== "account.created");
    const tally = load.audit(written, journal);
    // After an orderly stop every stored write was answered.
    expect(tally.lostButStored).toBe(0);
    expect(beside.trouble).toEqual([]);
    expect(refusing.trouble).toEqual([]);
    say(
      `20 accounts beside ${tally.acknowledged} writes: the slowest took ${Math.round(slowestMs)} ms; meanwhile others waited`,
    );
    say(`${beside.p99Ms} ms (p99), ${beside.worstMs} ms at most, of ${beside.answers} answers`);
    expect(beside.worstMs).toBeLessThan(1000);
  },
  2 * MINUTE,
);
