import { RuleError } from "./errors.ts";

// Instants and durations like those of Python's `datetime`: years 1 to 9999, microseconds, a fixed offset from UTC.

const DAY = 86_400;
const MICROS = 1_000_000;

/** The time of a clock (`seconds` since 1970 on that clock, and microseconds), and how far it is ahead of UTC. */
export class Datetime {
  readonly seconds: number;
  readonly micros: number;
  readonly offset: number;

  constructor(seconds: number, micros: number, offset: number) {
    if (seconds < YEAR_1 || seconds >= YEAR_10000) throw new RuleError("the date is out of range");
    this.seconds = seconds;
    this.micros = micros;
    this.offset = offset;
  }
}

/** A duration; only `days` is ever negative. */
export class Timedelta {
  readonly days: number;
  readonly seconds: number;
  readonly micros: number;

  constructor(days: number, seconds: number, micros: number) {
    const carried = seconds + Math.floor(micros / MICROS);
    this.days = days + Math.floor(carried / DAY) + 0; // turns minus zero into zero
    this.seconds = modulo(carried, DAY);
    this.micros = modulo(micros, MICROS);
    if (Math.abs(this.days) > 999_999_999) throw new RuleError("the duration is out of range");
  }
}

const modulo = (a: number, b: number) => a - Math.floor(a / b) * b;

/** Midnight of a day, in seconds since 1970. `Date.UTC` would read years below 100 as 1900 to 1999. */
export function secondsOfDay(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() / 1000;
}

const YEAR_1 = secondsOfDay(1, 1, 1);
const YEAR_10000 = secondsOfDay(10_000, 1, 1);

export const fromMillis = (ms: number) => new Datetime(Math.floor(ms / 1000), Math.floor(modulo(ms, 1000)) * 1000, 0);

export const calendar = (d: Datetime) => new Date(d.seconds * 1000);

export const startOfDay = (d: Datetime) => new Datetime(Math.floor(d.seconds / DAY) * DAY, 0, d.offset);

export const addDuration = (d: Datetime, t: Timedelta) => {
  const micros = d.micros + t.micros;
  const carry = micros >= MICROS ? 1 : 0;
  return new Datetime(d.seconds + t.days * DAY + t.seconds + carry, micros - carry * MICROS, d.offset);
};

export const negateDuration = (t: Timedelta) => new Timedelta(-t.days, -t.seconds, -t.micros);

export const addDurations = (a: Timedelta, b: Timedelta) =>
  new Timedelta(a.days + b.days, a.seconds + b.seconds, a.micros + b.micros);

export const between = (a: Datetime, b: Datetime) =>
  new Timedelta(0, a.seconds - a.offset - (b.seconds - b.offset), a.micros - b.micros);

export const compareInstants = (a: Datetime, b: Datetime) =>
  a.seconds - a.offset - (b.seconds - b.offset) || a.micros - b.micros;

export const compareDurations = (a: Timedelta, b: Timedelta) =>
  a.days - b.days || a.seconds - b.seconds || a.micros - b.micros;

/**
 * Seconds like Python's float. Written out and read back, because both parts together have more digits than a double.
 */
function toFloatSeconds(seconds: number, micros: number): number {
  if (seconds >= 0 || micros === 0) return Number(`${seconds}.${String(micros).padStart(6, "0")}`);
  return -Number(`${-seconds - 1}.${String(MICROS - micros).padStart(6, "0")}`);
}

export const epochSeconds = (d: Datetime) => toFloatSeconds(d.seconds - d.offset, d.micros);
export const totalSeconds = (t: Timedelta) => toFloatSeconds(t.days * DAY + t.seconds, t.micros);

const DURATION =
  /^P(?=[0-9T])(?:([0-9]+(?:[,.][0-9]+)?)W)?(?:([0-9]+(?:[,.][0-9]+)?)D)?(?:T(?:([0-9]+(?:[,.][0-9]+)?)H)?(?:([0-9]+(?:[,.][0-9]+)?)M)?(?:([0-9]+(?:[,.][0-9]+)?)S)?)?\n?$/;
/** Microseconds of a second, a minute, an hour, a day and a week, in the order in which Python adds them up. */
const UNITS = [MICROS, 60 * MICROS, 3600 * MICROS, DAY * MICROS, 7 * DAY * MICROS];

/** Reads an ISO 8601 duration without years and months, such as `P1W2DT3H4M5.5S`. */
export function parseDuration(text: string): Timedelta {
  const found = DURATION.exec(text);
  if (!found) throw new RuleError("not a duration, such as P1DT2H");
  const [, weeks, days, hours, minutes, seconds] = found;
  let total = 0n;
  let leftover = 0;
  for (const [i, part] of [seconds, minutes, hours, days, weeks].entries()) {
    if (part === undefined) continue;
    const unit = UNITS[i] as number;
    const value = Number(part.replace(",", "."));
    if (!Number.isFinite(value)) throw new RuleError("the duration is out of range");
    const fraction = (value % 1) * unit;
    total += BigInt(Math.trunc(value)) * BigInt(unit) + BigInt(Math.trunc(fraction));
    leftover += fraction % 1;
  }
  return fromMicros(total + roundHalfEven(leftover, total));
}

function roundHalfEven(leftover: number, total: bigint): bigint {
  const down = Math.floor(leftover);
  const rest = leftover - down;
  const odd = (total + BigInt(down)) % 2n !== 0n;
  return BigInt(rest > 0.5 || (rest === 0.5 && odd) ? down + 1 : down);
}

function fromMicros(total: bigint): Timedelta {
  const perDay = BigInt(DAY * MICROS);
  const days = total / perDay;
  if (days > 1_000_000_000n) throw new RuleError("the duration is out of range");
  const rest = Number(total % perDay);
  return new Timedelta(Number(days), Math.floor(rest / MICROS), rest % MICROS);
}
