import { stopwatchMs } from "../../kernel/clock.ts";
import { FairQueue, type Owner } from "../../kernel/fairness/fair-queue.ts";

/** A participant that flushes once at the end of the turn in which it was added. */
type AtTurnEnd = { readonly owner: Owner; endTurn(): void };

/**
 * Time limit for the flushes of one turn: each costs a system call. The rest are flushed in the next turns, accounts in
 * turn.
 */
const TURN_END_MS = 2;
/** Flushes between two looks at the clock. */
const LOOK_EVERY = 16;

/**
 * Collects writes until the event loop's turn is over, so that each connection sends once per turn, regardless of the
 * number of its packets.
 */
export class FlushQueue {
  #waiting: AtTurnEnd[] = [];
  /** Participants that an earlier turn had no time to flush. */
  readonly #late = new FairQueue<AtTurnEnd>();
  #scheduled = false;
  #number = 0;

  /** Returns the number of the current turn. Turns without a caller or a flush are not counted. */
  current(): number {
    this.#schedule();
    return this.#number;
  }

  /** A caller must not add itself again before its `endTurn` is called. */
  add(item: AtTurnEnd): void {
    if (this.#late.size > 0) this.#late.add(item, item.owner);
    else this.#waiting.push(item);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#end());
  }

  #end(): void {
    this.#scheduled = false;
    this.#number++;
    const end = stopwatchMs() + TURN_END_MS;
    if (this.#late.size > 0) this.#serveLate(end);
    else this.#serve(end);
    if (this.#late.size > 0) this.#schedule();
  }

  #serve(end: number): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let done = 0;
    for (const item of waiting) {
      item.endTurn();
      if (++done % LOOK_EVERY === 0 && stopwatchMs() >= end) break;
    }
    for (; done < waiting.length; done++) {
      const item = waiting[done] as AtTurnEnd;
      this.#late.add(item, item.owner);
    }
  }

  #serveLate(end: number): void {
    for (let began = end - TURN_END_MS; began < end; ) {
      const next = this.#late.take();
      if (!next) return;
      next.item.endTurn();
      const ended = stopwatchMs();
      next.charge(ended - began);
      began = ended;
    }
  }
}
