import type { Clock } from "../../src/kernel/clock.ts";

type Timer = { at: number; run: () => void };

/**
 * A clock that stands still until it is moved. Moving it fires the timers that fall due, in order, each at its own
 * instant.
 */
export class TestClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  at(at: number, run: () => void) {
    const timer = { at, run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = end;
  }

  /** Like an administrator who corrects a clock. No timer fires. */
  set(now: number): void {
    this.#now = now;
  }
}
