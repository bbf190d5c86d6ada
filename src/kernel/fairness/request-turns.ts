import { FairQueue, type Owner } from "./fair-queue.ts";

/**
 * Maximum number of requests that begin in one turn of the event loop: they take a millisecond or two if they are
 * small. This number of clients that send requests continuously get no slower responses.
 */
const STARTS_PER_TURN = 64;

/**
 * Starts requests, and lets accounts take turns if more arrive than one turn of the event loop takes. A client waits
 * for its response before it sends its next request, so an account with a thousand connections delays its own requests
 * here, and not those of others. Requests are counted, not timed: they overlap, so the time of one cannot be measured.
 * Expensive work waits in separate queues.
 */
export class RequestTurns {
  readonly #waiting = new FairQueue<() => void>();
  #started = 0;
  #scheduled = false;

  /** Resolves when the request may begin. Returns undefined if it may begin at once. */
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
    setImmediate(() => this.#startWaiting());
  }

  #startWaiting(): void {
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
