import type { Log } from "../kernel/log.ts";

/** How long requests and deliveries in progress may take during shutdown. */
export const DRAIN_MS = 8_000;
/**
 * Time after which unfinished work is abandoned and the store is closed. Half a second more than the drain, because
 * some work starts its own time limit later.
 */
const WORK_MS = DRAIN_MS + 500;
/**
 * Time after which the process exits, even if the disk or a waiting command hangs. Everything acknowledged is on disk
 * by then.
 */
const STOP_MS = 9_500;

/** Resolves with the first stop signal; a second one ends the process at once. */
export function stopSignal(): Promise<string> {
  return new Promise((stop) => {
    let signaled = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (signaled) process.exit(1);
        signaled = true;
        stop(signal);
      });
    }
  });
}

/** Ends the process with exit code 1 if it is still running after the time limit. */
export function exitAfterTimeout(log: Log): void {
  const end = () => {
    log.error("serve.stop_hangs", { ms: STOP_MS });
    process.exit(1);
  };
  setTimeout(end, STOP_MS).unref();
}

/** Waits for the work in progress, up to the time limit. */
export async function drain(log: Log, work: readonly Promise<unknown>[]): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), WORK_MS);
  if ((await Promise.race([Promise.all(work), late])) === "late") log.warn("serve.work_left", { ms: WORK_MS });
  clearTimeout(timer);
}
