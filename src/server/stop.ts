import type { Log } from "../kernel/log.ts";

/** How long requests and deliveries in work may take once we are told to stop. */
export const DRAIN_MS = 8_000;
/** After this what is still in work is left to itself, and the store is closed. Some of it begins its time a little later than the rest. */
const WORK_MS = DRAIN_MS + 500;
/** After this the process ends, whatever hangs: the disk, or commands that wait for it. What was acknowledged is on the disk by then. */
const STOP_MS = 9_500;

/** Resolves with the first signal to stop; a second one ends the process at once. */
export function stopSignal(): Promise<string> {
  return new Promise((stop) => {
    let told = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (told) process.exit(1);
        told = true;
        stop(signal);
      });
    }
  });
}

/** From now on the process has so long to end by itself; then it is ended, with exit code 1. */
export function endInTime(log: Log): void {
  const end = () => {
    log.error("serve.stop_hangs", { ms: STOP_MS });
    process.exit(1);
  };
  setTimeout(end, STOP_MS).unref();
}

/** Waits for what is in work, and no longer than there is time. */
export async function drain(log: Log, work: readonly Promise<unknown>[]): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), WORK_MS);
  if ((await Promise.race([Promise.all(work), late])) === "late") log.warn("serve.work_left", { ms: WORK_MS });
  clearTimeout(timer);
}
