import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Account,
  createAccount,
  runTool,
  SOURCE,
  startServer,
  temporaryFolder,
} from "../support/server-process.ts";
import { auditOf, auditReferences } from "./audit.ts";
import { startBystander } from "./bystander.ts";
import { isOwnDoing } from "./journal.ts";
import { Load } from "./load.ts";
import { TOPICS } from "./sticker-audit.ts";
import { listenTo } from "./stickers.ts";
import { Wire } from "./wire.ts";

const CRASHES = Number(process.env["TWINPOST_CRASHES"] || 20);
const WRITERS = 48;
const MINUTE = 60_000;

const say = (line: string) => process.stdout.write(`      ${line}\n`);
const below = (bound: number) => Math.floor(Math.random() * bound);

/** Starts the server, and tells how long it took to its first answer. */
async function start(dataDir: string, { secret }: Account) {
  const began = performance.now();
  const server = await startServer({ dataDir });
  const wire = await Wire.open(server.url);
  const { status } = await wire.call("GET", "/whoami", { headers: { authorization: secret } });
  expect(status).toBe(200);
  wire.close();
  return { server, startMs: performance.now() - began };
}

test(
  `nothing acknowledged is lost and nothing is half done when the server is killed ${CRASHES} times in the midst of writing`,
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

    // From the first entry on, and after a stop in good order. Since the last audit, stickers may have expired and nothing else.
    const { entries } = auditOf(dataDir);
    expect(entries.slice(journal.sequence).filter((entry) => !isOwnDoing(entry))).toEqual([]);
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

/** Waits for the moment, while writing goes on: it ends with the server, which must not end by itself. */
async function before(moment: Promise<void>, writing: Promise<void>): Promise<void> {
  const first = await Promise.race([moment.then(() => "the moment"), writing.then(() => "the end of the server")]);
  expect(first).toBe("the moment");
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

test(
  "a server that is killed while it makes its database makes it at the next start",
  async () => {
    for (let attempt = 0; attempt < 10; attempt++) {
      using folder = temporaryFolder();
      const dataDir = folder.path;
      const command = [...SOURCE, "serve", "--data-dir", dataDir, "--http", "127.0.0.1:0", "--log", "silent"];
      const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit", cwd: dataDir });
      const served = child.stdout.getReader().read();
      await Promise.race([served, Bun.sleep(50 + below(350))]);
      child.kill("SIGKILL");
      await child.exited;

      const account = await createAccount({ dataDir });
      const { server } = await start(dataDir, account);
      await using _ = server;
      auditOf(dataDir);
    }
  },
  2 * MINUTE,
);

/** Another process that opens the database, looks and leaves, over and over: the last to leave locks it for a moment. */
function startVisitor(dataDir: string) {
  const script = `
    const { default: Database } = await import(${JSON.stringify(import.meta.resolve("libsql"))});
    for (;;) {
      const database = new Database(${JSON.stringify(join(dataDir, "twinpost.db"))});
      try { database.exec("SELECT count(*) FROM accounts"); } catch {}
      database.close();
      await Bun.sleep(0);
    }`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "inherit", stderr: "inherit" });
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

test(
  "a server starts and accounts are created though other processes open and leave the database at the same moment",
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const account = await createAccount({ dataDir });
    await using _ = startVisitor(dataDir);
    for (let attempt = 0; attempt < 8; attempt++) {
      const { server } = await start(dataDir, account);
      await server.end("SIGKILL");
      await createAccount({ dataDir });
    }
  },
  2 * MINUTE,
);

test(
  "a server and accounts are started in an empty folder all at once",
  async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      using folder = temporaryFolder();
      const dataDir = folder.path;
      const creating = Promise.allSettled(Array.from({ length: 4 }, () => createAccount({ dataDir })));
      await using server = await startServer({ dataDir });
      const outcomes = await creating;
      expect(outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []))).toEqual(
        [],
      );
      const created = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      const wire = await Wire.open(server.url);
      for (const { secret } of created) {
        expect((await wire.call("GET", "/whoami", { headers: { authorization: secret } })).status).toBe(200);
      }
    }
  },
  2 * MINUTE,
);

/** A small file system of its own, if whoever runs this may mount one. */
function smallDisk(): ({ path: string } & Disposable) | undefined {
  const folder = temporaryFolder();
  const { exitCode } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder.path]);
  if (exitCode !== 0) {
    folder[Symbol.dispose]();
    return undefined;
  }
  return {
    path: folder.path,
    [Symbol.dispose]: () => {
      Bun.spawnSync(["umount", "--lazy", folder.path]);
      folder[Symbol.dispose]();
    },
  };
}

const canMount = (() => {
  using disk = smallDisk();
  return disk !== undefined;
})();
if (!canMount) say("(only root can mount a small disk: the test of a full one is skipped)");

test.skipIf(!canMount)(
  "on a full disk writes are answered 500 and reads go on; with space again so do writes, and nothing acknowledged is lost",
  async () => {
    using disk = smallDisk() as { path: string } & Disposable;
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
    writeFileSync(ballast, new Uint8Array(1024 * 1024));
    await write(20_000, 500, 20);
    await server.end("SIGKILL");
    const again = await start(dataDir, account);
    await using restarted = again.server;
    expect(restarted.pid).not.toBe(server.pid);
    audit();
  },
  MINUTE,
);

test(
  "accounts are created beside a server under load, which goes on answering, and a second server is refused",
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
    // Stopped in good order, it answered whatever it stored.
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
