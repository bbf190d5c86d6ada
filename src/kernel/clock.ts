/** Stops a timer; a second call does nothing. */
export type Cancel = () => void;

export type Clock = {
  /** Milliseconds since the epoch, UTC. */
  now(): number;
  /** Calls `run` once at the instant `at`, or as soon as possible if that has passed. */
  at(at: number, run: () => void): Cancel;
};

/** Runtimes fire a longer timeout at once, so a distant instant is reached in several steps. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  at(at, run) {
    let timer: ReturnType<typeof setTimeout>;
    const arm = () => {
      const waitMs = at - Date.now();
      timer = waitMs > TIMEOUT_MAX_MS ? setTimeout(arm, TIMEOUT_MAX_MS) : setTimeout(run, Math.max(0, waitMs));
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** Resolves `ms` later by this clock. */
export const sleep = (clock: Clock, ms: number) => new Promise<void>((done) => clock.at(clock.now() + ms, done));

/** Monotonic milliseconds with fractions, for measuring durations only. */
export const stopwatchMs = (): number => performance.now();
