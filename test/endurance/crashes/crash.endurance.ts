import { expect, test } from "bun:test";
import { createAccount, temporaryFolder } from "../../support/process/server-process.ts";
import { auditOf, auditReferences } from "../audit/audit-data-dir.ts";
import { isServerWrite } from "../audit/journal-audit.ts";
import { TOPICS } from "../audit/sticker-audit.ts";
import { listenTo } from "../load/put-stickers.ts";
import { Load } from "../load/write-load.ts";
import { before, start } from "../server/start-server.ts";

const CRASHES = Number(process.env["TWINPOST_CRASHES"] || 20);
const WRITERS = 48;
const MINUTE = 60_000;

const say = (line: string) => process.stdout.write(`      ${line}\n`);
const below = (bound: number) => Math.floor(Math.random() * bound);

test(
  `nothing acknowledged is lost and nothing is half done when the server is killed ${CRASHES} times while writing`,
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const account = await createAccount({ dataDir });
    const stranger = await createAccount({ dataDir }, "Stranger");
    listenTo(dataDir, account.account, Object.values(TOPICS).flat());
    const load = new Load(account, WRITERS);
    const { journal } = auditOf(dataDir);
    const starts: number[] = [];
    let references = { count: 0, ok: 0 };
    const total = { acknowledged: 0, refused: 0, lost: 0, lostButStored: 0 };

    for (let crash = 0; crash <= CRASHES; crash++) {
      const { server, startMs } = await start(dataDir, account);
      await using _ = server;
      if (crash === 0) await load.prepare(server.url, stranger);
      else {
        starts.push(startMs);
        references = await auditReferences(dataDir);
        const { entries } = auditOf(dataDir, journal);
        const tally = load.audit(entries, journal);
        for (const key of ["acknowledged", "refused", "lost", "lostButStored"] as const) total[key] += tally[key];
        await load.auditServed(server.url, journal);
      }
      if (crash === CRASHES) {
        expect(await server.end()).toBe(0);
        break;
      }
      const writing = load.run(server.url);
      const moment = Math.random() < 0.5 ? load.books.untilAcknowledged(below(5_000)) : Bun.sleep(below(500));
      await before(moment, writing);
      await server.end("SIGKILL");
      await writing;
    }

    // From the first entry on, after an orderly stop. Since the last audit only stickers may have expired.
    const { entries } = auditOf(dataDir);
    expect(entries.slice(journal.sequence).filter((entry) => !isServerWrite(entry))).toEqual([]);
    const slowest = Math.max(...starts);
    say(
      `${CRASHES} crashes: ${total.acknowledged} acknowledged writes verified, ${total.refused} refused ones absent;`,
    );
    say(
      `${total.lost} in flight at a crash, of which ${total.lostButStored} were stored; journal of ${journal.sequence};`,
    );
    say(`${references.count} references at their sources' values, ${references.ok} of them ok;`);
    say(`start to first answer: ${Math.round(slowest)} ms at most, ${Math.round(median(starts))} ms in the middle`);
    expect(slowest).toBeLessThan(10_000);
  },
  CRASHES * 15_000 + MINUTE,
);

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
