import type { Deps, Job } from "../../deps.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { findDeviceRow } from "../registry/device-rows.ts";
import { addToBucket, deleteBucketsBefore } from "../registry/message-count-rows.ts";
import { bucketOf, oldestBucket, SCALES, type Scale } from "./metric-scales.ts";

// Messages are counted in memory and added to the metrics now and then, and whenever metrics are read: a write for each
// message would cost as much as the message. A crash loses only the messages counted since.

const MINUTE_MS = 60_000;
/** Devices whose counts are added in one transaction: each takes a dozen statements. */
const SLICE = 100;

type Count = { deviceId: string; at: number; messages: number };

/** Counts a message of a device: a packet in either direction, or a request about its documents. */
export function countMessage({ messages, clock }: Deps, deviceId: string, count = 1): void {
  messages.add(`${Math.floor(clock.now() / MINUTE_MS)} ${deviceId}`, count);
}

export const addCounts = command("add_message_counts", (tx, _actor, { counts }: { counts: Count[] }): null => {
  for (const count of counts) addCount(tx, count);
  return null;
});

/**
 * Adds a slice of the counts to the metrics, and returns how many devices it covered. After a failure the counts are
 * kept.
 */
async function keepMessageCounts({ store, messages }: Deps): Promise<number> {
  const taken = messages.take(SLICE);
  if (taken.length === 0) return 0;
  const counts = taken.map(([name, count]) => {
    const [minute, deviceId] = name.split(" ") as [string, string];
    return { deviceId, at: Number(minute) * MINUTE_MS, messages: count };
  });
  try {
    await store.write(addCounts, SYSTEM, { counts });
  } catch (error) {
    for (const [name, count] of taken) messages.add(name, count);
    throw error;
  }
  return taken.length;
}

export const keepMessageCountsJob: Job = {
  name: "keep_message_counts",
  schedule: "*/10 * * * *",
  run: async (deps) => {
    const done = await keepMessageCounts(deps);
    return { done, more: done > 0 };
  },
};

/** Adds all counts. */
export async function keepAllMessageCounts(deps: Deps): Promise<void> {
  while ((await keepMessageCounts(deps)) > 0);
}

function addCount(tx: Tx, { deviceId, at, messages }: Count): void {
  const device = findDeviceRow(tx, deviceId);
  if (!device) return;
  for (const scale of SCALES) {
    const bucket = { scale: scale.name, bucketAt: bucketOf(scale, at), messages };
    const isNew = addToBucket(tx, { ...bucket, subjectId: deviceId, devices: 1 });
    addToBucket(tx, { ...bucket, subjectId: device.hubId, devices: isNew ? 1 : 0 });
    if (isNew) for (const subject of [deviceId, device.hubId]) forget(tx, subject, scale);
  }
}

const forget = (tx: Tx, subjectId: string, scale: Scale) =>
  deleteBucketsBefore(tx, subjectId, scale.name, oldestBucket(scale, tx.now));
