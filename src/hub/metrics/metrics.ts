import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { listBuckets } from "../registry/message-count-rows.ts";
import { viewInstant } from "../registry/wire.ts";
import { keepAllMessageCounts } from "./count-messages.ts";
import { oldestBucket, scaleFor } from "./metric-scales.ts";

/** Points are pairs of an instant and a number: clients fail on anything else (specification 4.8). */
export const MetricsView = z.object({
  metrics: z.array(
    z.object({
      name: z.string(),
      points: z.array(z.tuple([z.string(), z.number()])),
      metadata: z.record(z.string(), z.string()),
    }),
  ),
});

type Bucket = { messages: number; devices: number };
type Series = { name: string; of: (bucket: Bucket) => number };

const MESSAGES: Series = { name: "messages_count", of: ({ messages }) => messages };
export const HUB_SERIES: readonly Series[] = [MESSAGES, { name: "active_devices", of: ({ devices }) => devices }];
export const DEVICE_SERIES: readonly Series[] = [
  MESSAGES,
  { name: "device_activity", of: ({ devices }) => Math.min(devices, 1) },
];

/**
 * The metrics of a hub or a device, on the scale that suits `start` (or the finest), with a point for each bucket, even
 * if it is empty.
 */
export async function readMetrics(deps: Deps, subjectId: string, series: readonly Series[], start: number | undefined) {
  await keepAllMessageCounts(deps);
  const now = deps.clock.now();
  const scale = scaleFor(start ?? now, now);
  const from = oldestBucket(scale, now);
  const counted = deps.store.read((reader) => listBuckets(reader, subjectId, scale.name, from));
  const byInstant = new Map<number, Bucket>(counted.map((bucket) => [bucket.bucketAt, bucket]));
  const points = (of: Series["of"]) =>
    Array.from({ length: scale.buckets }, (_, index): [string, number] => {
      const at = from + index * scale.bucketMs;
      return [viewInstant(at), of(byInstant.get(at) ?? { messages: 0, devices: 0 })];
    });
  return { metrics: series.map(({ name, of }) => ({ name, points: points(of), metadata: {} })) };
}
