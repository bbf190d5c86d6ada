import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { record } from "../../../src/journal/record.ts";
import { SYSTEM } from "../../../src/kernel/actor.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { createLog } from "../../../src/kernel/log.ts";
import { systemRandom } from "../../../src/kernel/random.ts";
import { command } from "../../../src/store/sqlite/command.ts";
import { openServerStore, type Store } from "../../../src/store/store.ts";
import { Samples } from "../measures/percentiles.ts";
import { describeTwin, idsFileIn } from "../setup/seed.ts";

// Group commit alone: writers that share a store, without HTTP or MQTT. `measure-store.ts` starts it; the figures go to
// stdout.

export type StoreResult = {
  rate: number;
  p50Ms: number;
  p99Ms: number;
  /** The longest wait of a command for its group, and so the longest block of the event loop. */
  maxMs: number;
  walBytesMax: number;
};

export type StoreJob = { dataDir: string; account: string; writers: number; warmUpMs: number; measureMs: number };

const updateTwin = command("bench_update", (tx, actor, input: { id: string; account: string; description: string }) => {
  tx.run("UPDATE twins SET description = ?, updated_at = ? WHERE id = ?", input.description, tx.now, input.id);
  const { account: accountId, id: twinId } = input;
  record(tx, actor, { kind: "twin.updated", accountId, twinId, data: { description: input.description } });
});

const job: StoreJob = JSON.parse(process.argv[2] as string);
const log = createLog("error", systemClock.now, (line) => process.stderr.write(line));
const store = await openServerStore({ dataDir: job.dataDir, clock: systemClock, random: systemRandom, log });
try {
  process.stdout.write(JSON.stringify(await loadStore(store, job)));
} finally {
  await store.close();
}

async function loadStore(store: Store, job: StoreJob): Promise<StoreResult> {
  const ids = readFileSync(idsFileIn(job.dataDir), "latin1");
  const began = performance.now() + job.warmUpMs;
  const end = began + job.measureMs;
  const samples = new Samples();
  let walBytesMax = 0;
  const watch = setInterval(() => {
    walBytesMax = Math.max(walBytesMax, statSync(join(job.dataDir, "twinpost.db-wal")).size);
  }, 20);
  const writer = async () => {
    for (let sentAt = performance.now(); sentAt < end; ) {
      await store.write(updateTwin, SYSTEM, { ...randomUpdate(ids), account: job.account });
      const answeredAt = performance.now();
      if (sentAt >= began) samples.add(answeredAt - sentAt);
      sentAt = answeredAt;
    }
  };
  await Promise.all(Array.from({ length: job.writers }, writer));
  clearInterval(watch);
  return { rate: (samples.count / (performance.now() - began)) * 1000, ...samples.summary(), walBytesMax };
}

function randomUpdate(ids: string): { id: string; description: string } {
  const at = Math.floor((Math.random() * ids.length) / 36) * 36;
  const serial = String(Math.floor(Math.random() * 1e8)).padStart(8, "0");
  return { id: ids.slice(at, at + 36), description: describeTwin(serial) };
}
