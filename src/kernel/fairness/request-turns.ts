import { FairQueue, type Owner } from "./fair-queue.ts";

/**
 * So many requests begin in one turn of the event loop: of small ones a millisecond or two. That many clients who ask without a pause are answered
 * no slower for it.
 */
const STARTS_PER_TURN = 64;

/**
 * Lets requests begin, accounts in turn where more come at once than one turn of the event loop takes. A client waits for its answer before it asks
 * again, so one with a thousand connections has its requests wait here, and not everybody's. Requests are counted: they begin beside each
 * other, so none can be told how long it took, and what is laborious waits for turns of its own.
 */
export class RequestTurns {
  readonly #waiting = new FairQueue<() => void>();
  #started = 0;
  #scheduled = false;

  /** Resolves when the request may begin; undefined if it may at once. */
  enter(owner: Owner): Promise<void> | undefined {
    this.#schedule();
    if (this.#started < STARTS_PER_TURN && this.#waiting.size === 0) {
      this.#started++;
      return undefined;
    }
    return new Promise((begin) => this.#waiting.add(begin, owner));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    for (this.#started = 0; this.#started < STARTS_PER_TURN; this.#started++) {
      const next = this.#waiting.take();
      if (!next) break;
      next.charge(1);
      next.item();
    }
    if (this.#started > 0) this.#schedule();
  }
}
