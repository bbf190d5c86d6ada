import type { Deps } from "../../deps.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import type { Cancel } from "../../kernel/clock.ts";
import { describeError } from "../../kernel/failure.ts";
import { noteActivity } from "./presence.ts";

/** Activity is stored at most this long after it was noted, and written at most once in this time. */
const PERIOD_MS = 1000;
/** Devices whose activity is written in one transaction, so that no other write waits long behind it. */
const SLICE = 100;

/** Records in memory when devices were active, and stores it once a second. A crash loses the last second. */
export class ActivityBuffer {
  readonly #deps: Pick<Deps, "store" | "clock" | "log">;
  readonly #noted = new Map<string, number>();
  #timer: Cancel | undefined;
  #keeping: Promise<void> | undefined;
  #stopped = false;

  constructor(deps: Pick<Deps, "store" | "clock" | "log">) {
    this.#deps = deps;
  }

  /** Records that a device is active now. Cheap enough for each of its packets. */
  note(deviceId: string): void {
    const now = this.#deps.clock.now();
    this.#noted.set(deviceId, now);
    this.#arm(now);
  }

  /** Stops the timer, and stores once more what is recorded. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.keep();
  }

  /** Stores what is recorded, and resolves once it is stored. After a failure it is tried again a second later. */
  async keep(): Promise<void> {
    this.#timer?.();
    this.#timer = undefined;
    // Only one write at a time, so that the newest activity is written last.
    await this.#keeping;
    this.#keeping ??= this.#keepAll().finally(() => {
      this.#keeping = undefined;
    });
    await this.#keeping;
  }

  async #keepAll(): Promise<void> {
    const noted = [...this.#noted].map(([deviceId, at]) => ({ deviceId, at }));
    this.#noted.clear();
    for (let start = 0; start < noted.length; start += SLICE) {
      const activity = noted.slice(start, start + SLICE);
      try {
        await this.#deps.store.write(noteActivity, SYSTEM, { activity });
      } catch (error) {
        this.#deps.log.warn("activity.not_kept", { devices: activity.length, error: describeError(error) });
        this.#retry(noted.slice(start));
        return;
      }
    }
  }

  #retry(activity: { deviceId: string; at: number }[]): void {
    for (const { deviceId, at } of activity) if (!this.#noted.has(deviceId)) this.#noted.set(deviceId, at);
    this.#arm(this.#deps.clock.now());
  }

  #arm(now: number): void {
    if (!this.#stopped) this.#timer ??= this.#deps.clock.at(now + PERIOD_MS, () => void this.keep());
  }
}
