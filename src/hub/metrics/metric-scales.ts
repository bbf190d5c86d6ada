/**
 * Bucket sizes of message counts and how long they are kept, finest first (specification 4.8). A month is a twelfth of
 * a year, a little over 30 days.
 */
export type Scale = { name: string; bucketMs: number; buckets: number };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const SCALES: readonly Scale[] = [
  { name: "minute", bucketMs: MINUTE, buckets: 60 },
  { name: "hour", bucketMs: HOUR, buckets: 24 },
  { name: "4h", bucketMs: 4 * HOUR, buckets: 42 },
  { name: "day", bucketMs: DAY, buckets: 30 },
  { name: "month", bucketMs: (365 * DAY) / 12, buckets: 12 },
];

/** The bucket that an instant falls into. */
export const bucketOf = ({ bucketMs }: Scale, at: number) => Math.floor(at / bucketMs) * bucketMs;

/** The start of the oldest bucket that is still reported. */
export const oldestBucket = (scale: Scale, now: number) => bucketOf(scale, now) - (scale.buckets - 1) * scale.bucketMs;

/** The finest scale that reaches back to an instant, or else the one that reaches furthest. */
export const scaleFor = (start: number, now: number): Scale =>
  SCALES.find((scale) => scale.bucketMs * scale.buckets >= now - start) ?? (SCALES.at(-1) as Scale);
