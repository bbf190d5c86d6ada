import type { JsonObject } from "./json.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One JSON line an event: a dotted name and fields. Never a secret, a payload or a key. */
export type Log = Record<Exclude<LogLevel, "silent">, (event: string, fields?: JsonObject) => void>;

export function createLog(level: LogLevel, now: () => number, write: (line: string) => void): Log {
  const threshold = LOG_LEVELS.indexOf(level);
  const logAt = (name: Exclude<LogLevel, "silent">) => {
    if (LOG_LEVELS.indexOf(name) < threshold) return () => {};
    return (event: string, fields?: JsonObject) =>
      write(`${JSON.stringify({ at: new Date(now()).toISOString(), level: name, event, ...fields })}\n`);
  };
  return { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") };
}
