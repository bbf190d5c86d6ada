import { RuleError } from "./errors.ts";
import { calendar, Datetime, secondsOfDay } from "./times.ts";

// ISO 8601 as `dateutil.parser.isoparse` reads it: calendar, week and ordinal dates, any single character before the
// time, a missing time zone meaning UTC. Stricter in one respect: only digits are digits, where Python's int() also
// accepts " 1" and "1_0".

const DAY = 86_400;
const wrong = () => new RuleError("not a datetime, such as 2025-01-31T12:00");

/** Reads a datetime, or refuses it. */
export function parseDatetime(text: string): Datetime {
  const { seconds, length } = parseDate(text);
  if (text.length === length) return new Datetime(seconds, 0, 0);
  if (text.charCodeAt(length) > 127) throw wrong();
  const time = parseTime(text.slice(length + 1));
  return new Datetime(seconds + time.seconds, time.micros, time.offset);
}

function parseDate(text: string): { seconds: number; length: number } {
  for (const form of [calendarDate, weekDate, ordinalDate]) {
    const found = form(text);
    if (found) return found;
  }
  throw wrong();
}

function calendarDate(text: string) {
  const found = /^(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d)|-(\d\d)$|$)/.exec(text);
  if (!found) return undefined;
  const [all, year, month = found[4] ?? found[6] ?? "1", day = found[5] ?? "1"] = found;
  const seconds = secondsOfDay(Number(year), Number(month), Number(day));
  // JavaScript turns a day that does not exist into another one.
  const date = new Date(seconds * 1000);
  if (date.getUTCMonth() + 1 !== Number(month) || date.getUTCDate() !== Number(day) || Number(year) < 1) throw wrong();
  return { seconds, length: all.length };
}

function weekDate(text: string) {
  const found = /^(\d{4})(?:-W(\d\d)(?:-(\d))?|W(\d\d)(\d)?)/.exec(text);
  if (!found) return undefined;
  const [all, year, dashedWeek, dashedDay, plainWeek, plainDay] = found;
  const week = Number(dashedWeek ?? plainWeek);
  const day = Number(dashedDay ?? plainDay ?? 1);
  // After a week without a day, the next characters are read as the day.
  if (text.length > all.length && dashedDay === undefined && plainDay === undefined) throw wrong();
  if (week < 1 || week > 53 || day < 1 || day > 7) throw wrong();
  const fourth = secondsOfDay(Number(year), 1, 4);
  const weekday = (new Date(fourth * 1000).getUTCDay() + 6) % 7;
  return { seconds: fourth + ((week - 1) * 7 + (day - 1) - weekday) * DAY, length: all.length };
}

function ordinalDate(text: string) {
  const found = /^(\d{4})-?(\d{3})/.exec(text);
  if (!found) return undefined;
  const [all, year, ordinal] = found;
  const seconds = secondsOfDay(Number(year), 1, 1) + (Number(ordinal) - 1) * DAY;
  if (new Date(seconds * 1000).getUTCFullYear() !== Number(year) || Number(ordinal) < 1) throw wrong();
  return { seconds, length: all.length };
}

/** A part at the end of the text may have a single digit, as in `T12:3`. */
const TIME =
  /^(?:(\d\d?)(?:(?<=\d\d)(?::(\d\d?)(?:(?<=\d\d):(\d\d?))?|(\d\d?)(?:(?<=\d\d)(\d\d?))?))?(?:(?<=\d\d)[.,](\d+))?)?((?<=^|\d\d|[.,]\d)(?:Z|z|[+-].*))?$/;

function parseTime(text: string): { seconds: number; micros: number; offset: number } {
  const found = TIME.exec(text);
  if (!found || text.length < 2) throw wrong();
  const [, hourText = "0", minuteText = found[4] ?? "0", secondText = found[5] ?? "0", , , fraction = "", zone] = found;
  const hasSeconds = found[3] !== undefined || found[5] !== undefined;
  if (fraction !== "" && !hasSeconds) throw wrong();
  const hour = Number(hourText);
  const minute = Number(minuteText);
  const second = Number(secondText);
  const micros = Number(fraction.slice(0, 6).padEnd(6, "0"));
  if (hour > 24 || minute > 59 || second > 59) throw wrong();
  if (hour === 24 && minute + second + micros > 0) throw wrong();
  return { seconds: hour * 3600 + minute * 60 + second, micros, offset: zone ? parseOffset(zone) : 0 };
}

function parseOffset(zone: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const found = /^([+-])(\d\d)(?::?(\d\d))?$/.exec(zone);
  if (!found) throw wrong();
  const [, sign, hours, minutes = "0"] = found;
  if (Number(hours) > 23 || Number(minutes) > 59) throw wrong();
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/** Returns the English name, regardless of the machine's locale. */
export const weekdayName = (d: Datetime) =>
  ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"][calendar(d).getUTCDay()] as string;
