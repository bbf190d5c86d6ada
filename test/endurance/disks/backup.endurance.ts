import { expect, test } from "bun:test";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { record } from "../../../src/journal/record.ts";
import { SYSTEM } from "../../../src/kernel/actor.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { createLog } from "../../../src/kernel/log.ts";
import { systemRandom } from "../../../src/kernel/random.ts";
import { command } from "../../../src/store/sqlite/command.ts";
import { Connection } from "../../../src/store/sqlite/connection.ts";
import { openServerStore, type Store } from "../../../src/store/store.ts";
import { Wire } from "../../support/http/http-connection.ts";
import { createAccount, runTool, SOURCE, startServer, temporaryFolder } from "../../support/process/server-process.ts";

// Backups while the server works at full load: they contain every write acknowledged before they began, cost the
// writers little, and leave nothing that looks like a backup when they are killed.

const RATE = Number(process.env["TWINPOST_BACKUP_RATE"] || 5_000);
const SEED_MB = Number(process.env["TWINPOST_BACKUP_MB"] || 200);
const ROUNDS = Number(process.env["TWINPOST_BACKUP_ROUNDS"] || 3);
const KILLS = Number(process.env["TWINPOST_BACKUP_KILLS"] || 10);
const COUNTERS = 500;
/** Connections that write as fast as they are answered. */
const WRITERS = 32;
const MINUTE = 60_000;

const say = (line: string) => process.stdout.write(`      ${line}\n`);

/** Writers with a document each, whose data counts their writes. The acknowledged count is known at every moment. */
class Writers {
  readonly acknowledged: number[] = [];
  readonly #wires: Wire[] = [];
  readonly #paths: string[] = [];
  #working: Promise<void> | undefined;
  #stop = false;

  static async open(url: string, authorization: string): Promise<Writers> {
    const writers = new Writers();
    const headers = { authorization };
    for (let i = 0; i < WRITERS; i++) {
      const wire = await Wire.open(url);
      const { text } = await wire.call("POST", "/twins", { headers, body: "{}" });
      writers.#wires.push(wire);
      writers.#paths.push(`/twins/${JSON.parse(text).creation_certificate.uuid}/documents/count`);
      writers.acknowledged.push(0);
    }
    writers.#working = writers.#work(headers);
    return writers;
  }

  twin = (i: number) => (this.#paths[i] as string).split("/")[2] as string;

  async #work(headers: { authorization: string }): Promise<void> {
    await Promise.all(
      this.#wires.map(async (wire, i) => {
        while (!this.#stop) {
          const n = (this.acknowledged[i] as number) + 1;
          const { status, text } = await wire.call("PUT", this.#paths[i] as string, {
            headers,
            body: `{"data":{"n":${n}}}`,
          });
          if (status !== 200) throw new Error(`${status} ${text}`);
          this.acknowledged[i] = n;
        }
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#working;
    for (const wire of this.#wires) wire.close();
  }
}

/** Large enough for a copy to take seconds. */
function seed(dataDir: string, account: string): void {
  const connection = new Connection(join(dataDir, "twinpost.db"));
  connection.run("BEGIN");
  const text = JSON.stringify({ text: "x".repeat(980) });
  for (let i = 0; i < SEED_MB * 1000; i++) {
    connection.run(
      "INSERT INTO twins (id, owner_id, creator_id, description, created_at, updated_at) VALUES (?, ?, ?, ?, 0, 0)",
      `seed ${i}`,
      account,
      account,
      text,
    );
  }
  connection.run("COMMIT");
  connection.close();
}

function countsIn(dataDir: string, writers: Writers): number[] {
  const connection = new Connection(join(dataDir, "twinpost.db"), { readonly: true });
  try {
    return Array.from({ length: WRITERS }, (_, i) => {
      const row = connection.get("SELECT version, data FROM documents WHERE twin_id = ?", writers.twin(i));
      const n = row ? JSON.parse(row["data"] as string).n : 0;
      // Each write makes a version, so nothing is missing in between.
      expect(n).toBe(row?.["version"] ?? 0);
      return n;
    });
  } finally {
    connection.close();
  }
}

/** Increments one of the counters, with a journal row, as every write has one. */
const count = command("count", (tx, _actor, { i, n }: { i: number; n: number }): null => {
  tx.run("INSERT INTO sealed_keys VALUES (?, ?) ON CONFLICT DO UPDATE SET sealed = excluded.sealed", `c ${i}`, `${n}`);
  record(tx, SYSTEM, { kind: "test.counted", accountId: "", data: { i, n } });
  return null;
});

/** The store under this many writes a second, without HTTP and MQTT, which would use up this machine. */
class Counters {
  readonly acknowledged = new Array<number>(COUNTERS).fill(0);
  readonly sent = new Array<number>(COUNTERS).fill(0);
  latencies: number[] = [];
  readonly #store: Store;
  readonly #working: Promise<void>;
  #stop = false;

  constructor(store: Store) {
    this.#store = store;
    this.#working = this.#work();
  }

  async #work(): Promise<void> {
    const open = new Set<Promise<void>>();
    let given = 0;
    const began = performance.now();
    while (!this.#stop) {
      const due = Math.floor(((performance.now() - began) / 1000) * RATE);
      for (; given < due; given++) {
        const one = this.#write(given % COUNTERS).then(() => {
          open.delete(one);
        });
        open.add(one);
      }
      await Bun.sleep(1);
    }
    await Promise.all(open);
  }

  async #write(i: number): Promise<void> {
    const n = (this.sent[i] as number) + 1;
    this.sent[i] = n;
    const sentAt = performance.now();
    await this.#store.write(count, SYSTEM, { i, n });
    this.latencies.push(performance.now() - sentAt);
    this.acknowledged[i] = n;
  }

  take() {
    const taken = this.latencies;
    this.latencies = [];
    return taken;
  }

  stop(): Promise<void> {
    this.#stop = true;
    return this.#working;
  }
}

test(
  `a backup made during ${RATE} writes a second has every write that was acknowledged before it began`,
  async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const { account } = await createAccount({ dataDir, cwd: folder.path });
    seed(dataDir, account);
    const log = createLog("silent", systemClock.now, () => {});
    const store = await openServerStore({ dataDir, clock: systemClock, random: systemRandom, log });
    const counters = new Counters(store);
    await Bun.sleep(1_000);
    for (let round = 0; round <= ROUNDS; round++) {
      // Reading a restored journal blocked this process; delays from that must not count in the figures.
      await Bun.sleep(1_000);
      counters.take();
      const quietMs = 4_000;
      await Bun.sleep(quietMs);
      say(`without a backup: ${figures(counters.take(), quietMs)}`);
      if (round === 0) continue;

      const file = join(folder.path, `backup ${round}`);
      const before = [...counters.acknowledged];
      const began = performance.now();
      let logBytes = 0;
      const looking = setInterval(() => {
        logBytes = Math.max(logBytes, statSync(join(dataDir, "twinpost.db-wal")).size);
      }, 20);
      const made = await runTool(["backup", file], { dataDir });
      clearInterval(looking);
      const tookMs = performance.now() - began;
      const loud = counters.take();
      const after = [...counters.sent];
      expect([made.code, made.stderr]).toEqual([0, ""]);
      const size = `${(statSync(file).size / 1e6).toFixed(0)} MB in ${(tookMs / 1000).toFixed(1)} s`;
      say(`backup of ${size}: ${figures(loud, tookMs)}; log up to ${(logBytes / 1e6).toFixed(0)} MB`);

      const elsewhere = join(folder.path, `restored ${round}`);
      const restored = await runTool(["restore", file], { dataDir: elsewhere, cwd: folder.path });
      expect([restored.code, restored.stderr]).toEqual([0, ""]);
      const counts = countersIn(elsewhere);
      for (const [i, n] of counts.entries()) {
        expect(n).toBeGreaterThanOrEqual(before[i] as number);
        expect(n).toBeLessThanOrEqual(after[i] as number);
      }
      const total = (numbers: number[]) => numbers.reduce((sum, n) => sum + n, 0);
      say(
        `  acknowledged before: ${total(before)}; in the backup: ${total(counts)}; sent until its end: ${total(after)}`,
      );
      rmSync(elsewhere, { recursive: true });
      rmSync(file);
    }
    await counters.stop();
    await store.close();
  },
  5 * MINUTE,
);

function figures(latencies: number[], ms: number): string {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (part: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1);
  return `${Math.round((sorted.length / ms) * 1000)} writes a second; p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)} ms`;
}

/** The counters of a restored database. The journal has every number up to each: none is missing. */
function countersIn(dataDir: string): number[] {
  const connection = new Connection(join(dataDir, "twinpost.db"), { readonly: true });
  try {
    const counts = new Array<number>(COUNTERS).fill(0);
    for (const { data } of connection.each("SELECT data FROM events WHERE kind = 'test.counted' ORDER BY sequence")) {
      const { i, n } = JSON.parse(data as string);
      expect(n).toBe((counts[i] as number) + 1);
      counts[i] = n;
    }
    for (const row of connection.all("SELECT name, sealed FROM sealed_keys WHERE name LIKE 'c %'")) {
      expect(row["sealed"]).toBe(String(counts[Number(String(row["name"]).slice(2))]));
    }
    return counts;
  } finally {
    connection.close();
  }
}

test(
  `a backup that is killed ${KILLS} times leaves nothing that restore would accept, and the next one is whole`,
  async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const { account, secret } = await createAccount({ dataDir, cwd: folder.path });
    seed(dataDir, account);
    await using server = await startServer({ dataDir });
    const writers = await Writers.open(server.url, secret);
    let cut = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const file = join(folder.path, `backup ${kill}`);
      const child = Bun.spawn([...SOURCE, "backup", file, "--data-dir", dataDir], {
        stdout: "ignore",
        stderr: "ignore",
      });
      const left = () => readdirSync(folder.path).filter((name) => name.startsWith(`backup ${kill}`));
      while (left().length === 0 && child.exitCode === null) await Bun.sleep(1);
      await Bun.sleep(Math.random() * 3_000);
      child.kill("SIGKILL");
      await child.exited;
      const target = join(folder.path, `target ${kill}`);
      for (const name of left()) {
        const path = join(folder.path, name);
        // Only a complete file on disk gets its final name, so a file with that name can be restored.
        const whole = path === file;
        if (!whole) cut += 1;
        for (const one of whole ? [path] : [path, join(path, "database")]) {
          const { code } = await runTool(["restore", one], { dataDir: target, cwd: folder.path });
          expect([one, code]).toEqual([one, whole ? 0 : 1]);
        }
        rmSync(path, { recursive: true });
      }
      rmSync(target, { recursive: true, force: true });
    }
    say(`${KILLS} killed, ${cut} of them in their midst`);
    const before = [...writers.acknowledged];
    const file = join(folder.path, "last");
    expect((await runTool(["backup", file], { dataDir })).code).toBe(0);
    await writers.stop();
    const elsewhere = join(folder.path, "elsewhere");
    expect((await runTool(["restore", file], { dataDir: elsewhere, cwd: folder.path })).code).toBe(0);
    for (const [i, n] of countsIn(elsewhere, writers).entries()) expect(n).toBeGreaterThanOrEqual(before[i] as number);
  },
  5 * MINUTE,
);
