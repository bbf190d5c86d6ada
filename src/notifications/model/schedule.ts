// When a delivery is retried. Pure: the outcome of an attempt in, its consequences out.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Limit of an attempt, from the first look-up of an address to the end of the answer. */
export const ATTEMPT_MS = 10 * SECOND;

/**
 * Delays from a failed attempt to the next; after the last one the delivery has failed. 67 hours and 12 minutes in
 * total.
 */
export const RETRY_DELAYS_MS = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  HOUR,
  6 * HOUR,
  12 * HOUR,
  12 * HOUR,
  12 * HOUR,
  12 * HOUR,
  12 * HOUR,
] as const;

/** Each delay varies by up to this much, so that messages that failed together do not come back together. */
export const JITTER = 0.05;

/** Counted from when the delivery was made or last retried by hand. A receiver's `Retry-After` does not extend it. */
const GIVE_UP_AFTER_MS = 3 * DAY;

/** An endpoint that has failed for this long without a success is paused until it is resumed by hand. */
const PAUSE_AFTER_MS = 5 * DAY;

const RETRY_AFTER_MIN_MS = SECOND;
const RETRY_AFTER_MAX_MS = 6 * HOUR;
/**
 * How long an endpoint that answers 429 or 503 without `Retry-After` is held: 5 s, then 10 s, … The same holds for one
 * whose failures are slow.
 */
const HOLD_FIRST_MS = 5 * SECOND;
const HOLD_MAX_MS = 5 * MINUTE;
/** A failure that took this long has kept a place from other messages. */
const SLOW_FAILURE_MS = 5 * SECOND;

/** Why an attempt failed; `interrupted` does not count against the receiver. */
export type AttemptError =
  | ("dns" | "address" | "connect" | "tls" | "timeout" | "closed")
  | ("redirect" | "status" | "gone" | "interrupted");

export type Outcome = {
  status: number | null;
  error: AttemptError | null;
  /** The receiver's `Retry-After`, if it sent one. */
  retryAfterMs: number | null;
};

export function errorOf(status: number): AttemptError | null {
  if (status >= 200 && status < 300) return null;
  if (status === 410) return "gone";
  return status >= 300 && status < 400 ? "redirect" : "status";
}

/**
 * Returns when a delivery is tried again after an attempt at `now`, or null if it is given up. `chance`, from 0 to 1,
 * selects the point within the jitter.
 */
export function nextAttemptAt(
  { error, retryAfterMs, status }: Outcome,
  { step, stepBaseAt }: { step: number; stepBaseAt: number },
  now: number,
  chance: number,
): number | null {
  if (error === "interrupted") return now;
  const delay = RETRY_DELAYS_MS[step - 1];
  if (delay === undefined) return null;
  const jittered = Math.round(delay * (1 + JITTER * (2 * chance - 1)));
  const asked = isOverload(status) ? bounded(retryAfterMs ?? 0, 0, RETRY_AFTER_MAX_MS) : 0;
  const at = now + Math.max(jittered, asked);
  return at <= stepBaseAt + GIVE_UP_AFTER_MS ? at : null;
}

export type Health = {
  failingSince: number | null;
  heldUntil: number | null;
  holdCount: number;
  pausedAt: number | null;
};

export const HEALTHY: Health = { failingSince: null, heldUntil: null, holdCount: 0, pausedAt: null };

/** The health of an endpoint after an attempt that ended `now`. */
export function healthAfter(
  { error, status, retryAfterMs, startedAt, durationMs }: Outcome & { startedAt: number; durationMs: number },
  before: Health,
  now: number,
): Health {
  if (error === null) return HEALTHY;
  if (error === "interrupted") return before;
  // Counts consecutive slow failures, but not those that were already in flight when the first one came.
  const inRow = before.failingSince !== null && startedAt >= before.failingSince + ATTEMPT_MS;
  const slowly = inRow && durationMs >= SLOW_FAILURE_MS;
  const failingSince = before.failingSince ?? startedAt;
  const pausedAt = before.pausedAt ?? (now - failingSince >= PAUSE_AFTER_MS ? now : null);
  if (!isOverload(status) && !slowly) return { ...before, failingSince, pausedAt };
  // Messages in flight when the hold began fail for the same reason, and do not lengthen it.
  const again = before.heldUntil !== null && startedAt < before.heldUntil;
  const holdCount = again ? before.holdCount : before.holdCount + 1;
  const backoff = Math.min(HOLD_FIRST_MS * 2 ** Math.min(holdCount - 1, 20), HOLD_MAX_MS);
  const asked = isOverload(status) ? retryAfterMs : null;
  const holdMs = asked === null ? backoff : bounded(asked, RETRY_AFTER_MIN_MS, RETRY_AFTER_MAX_MS);
  const heldUntil = again ? Math.max(before.heldUntil ?? 0, now + holdMs) : now + holdMs;
  return { failingSince, pausedAt, heldUntil, holdCount };
}

/** Reads `Retry-After` in its two forms, seconds or a date; null if it is absent or unreadable. */
export function readRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * SECOND;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

const isOverload = (status: number | null) => status === 429 || status === 503;
const bounded = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max);
