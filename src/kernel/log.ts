import type { JsonObject } from "./json.ts";
import { LogBudget } from "./log-budget.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
type LogLevel = (typeof LOG_LEVELS)[number];
type Loud = Exclude<LogLevel, "silent">;

/** One JSON line per event: a dotted name and fields. Never a secret, a payload or a key. */
export type Log = Record<Loud, (event: string, fields?: JsonObject) => void> & {
  /**
   * The same for events that callers can cause without limit: a few lines a second are written per source and event,
   * and the next one says how many were left out (`suppressed`).
   */
  caused(level: Loud, event: string, source: string, fields: JsonObject): void;
};

export function createLog(level: LogLevel, now: () => number, write: (line: string) => void): Log {
  const threshold = LOG_LEVELS.indexOf(level);
  const logAt = (name: Loud) => {
    if (LOG_LEVELS.indexOf(name) < threshold) return () => {};
    return (event: string, fields?: JsonObject) =>
      write(`${JSON.stringify({ at: new Date(now()).toISOString(), level: name, event, ...fields })}\n`);
  };
  const levels = { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") };
  const budget = new LogBudget(now);
  return {
    ...levels,
    caused(name, event, source, fields) {
      if (LOG_LEVELS.indexOf(name) < threshold) return;
      const suppressed = budget.admit(event, source);
      if (suppressed !== undefined) levels[name](event, suppressed > 0 ? { ...fields, suppressed } : fields);
    },
  };
}
