import { stopwatchMs } from "../../kernel/clock.ts";
import { FairQueue, type Owner } from "../../kernel/fairness/fair-queue.ts";

/** What does something once at the end of the turn in which it was added. */
type AtTurnEnd = { readonly owner: Owner; endTurn(): void };

/** So long the ends of one turn may take: each costs a call of the system. The rest are at the end of the next ones, accounts in turn. */
const TURN_END_MS = 2;
/** Between two looks at the time. */
const LOOK_EVERY = 16;

/**
 * Collects what is to be written until the event loop's turn is over, so that each connection sends once a turn however many
 * packets it was given.
 */
export class Turn {
  #waiting: AtTurnEnd[] = [];
  /** Those for whom a turn had no time. */
  readonly #late = new FairQueue<AtTurnEnd>();
  #scheduled = false;
  #number = 0;

  /** The number of the turn that is on. Turns are counted for as long as this is asked for. */
  current(): number {
    this.#schedule();
    return this.#number;
  }

  /** The caller adds itself at most once until its `endTurn` is called. */
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
