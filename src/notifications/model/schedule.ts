// When a delivery is tried again. Pure: an attempt's outcome in, what follows from it out.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What an attempt may take, from the first look for an address to the end of the answer. */
export const ATTEMPT_MS = 10 * SECOND;

/** How long after a failed attempt the next one is made; after the last of these there is none. 67 hours and 12 minutes in sum. */
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

/** Each delay is up to this much longer or shorter, so that what failed together does not come back together. */
export const JITTER = 0.05;

/** Counted from when the delivery was made, or last retried by hand. What a receiver asks for does not stretch it. */
const GIVE_UP_AFTER_MS = 3 * DAY;

/** An endpoint that has failed for so long without a success is left alone until somebody resumes it. */
const PAUSE_AFTER_MS = 5 * DAY;

const RETRY_AFTER_MIN_MS = SECOND;
const RETRY_AFTER_MAX_MS = 6 * HOUR;
/** An endpoint that says "too much" without saying for how long is left alone for 5 s, then 10 s, … So is one whose failures take long. */
const HOLD_FIRST_MS = 5 * SECOND;
const HOLD_MAX_MS = 5 * MINUTE;
/** A failure that took so long has kept a place from others. */
const SLOW_FAILURE_MS = 5 * SECOND;

/** Why an attempt failed; `interrupted` is no fault of the receiver's. */
export type AttemptError =
  | ("dns" | "address" | "connect" | "tls" | "timeout" | "closed")
  | ("redirect" | "status" | "gone" | "interrupted");

export type Outcome = {
  status: number | null;
  error: AttemptError | null;
  /** What the receiver asked for, if it did. */
  retryAfterMs: number | null;
};

export function errorOf(status: number): AttemptError | null {
  if (status >= 200 && status < 300) return null;
  if (status === 410) return "gone";
  return status >= 300 && status < 400 ? "redirect" : "status";
}

/** What becomes of a delivery after an attempt at `now`: the instant of the next one, or null if there is none. `chance` is from 0 to 1. */
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

/** How an endpoint is doing `now` after an attempt. */
export function healthAfter(
  { error, status, retryAfterMs, startedAt, durationMs }: Outcome & { startedAt: number; durationMs: number },
  before: Health,
  now: number,
): Health {
  if (error === null) return HEALTHY;
  if (error === "interrupted") return before;
  // Slow failures in a row: not those that were on their way together when the first of them came.
  const inRow = before.failingSince !== null && startedAt >= before.failingSince + ATTEMPT_MS;
  const slowly = inRow && durationMs >= SLOW_FAILURE_MS;
  const failingSince = before.failingSince ?? startedAt;
  const pausedAt = before.pausedAt ?? (now - failingSince >= PAUSE_AFTER_MS ? now : null);
  if (!isOverload(status) && !slowly) return { ...before, failingSince, pausedAt };
  // What was on its way when the hold began says the same once more, and does not make it grow.
  const again = before.heldUntil !== null && startedAt < before.heldUntil;
  const holdCount = again ? before.holdCount : before.holdCount + 1;
  const backoff = Math.min(HOLD_FIRST_MS * 2 ** Math.min(holdCount - 1, 20), HOLD_MAX_MS);
  const asked = isOverload(status) ? retryAfterMs : null;
  const holdMs = asked === null ? backoff : bounded(asked, RETRY_AFTER_MIN_MS, RETRY_AFTER_MAX_MS);
  const heldUntil = again ? Math.max(before.heldUntil ?? 0, now + holdMs) : now + holdMs;
  return { failingSince, pausedAt, heldUntil, holdCount };
}

/** `Retry-After` in its two forms, seconds or a date; null if there is none that can be read. */
export function readRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * SECOND;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

const isOverload = (status: number | null) => status === 429 || status === 503;
const bounded = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max);
