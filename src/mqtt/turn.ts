/** What does something once at the end of the turn in which it was added. */
export type AtTurnEnd = { endTurn(): void };

/**
 * Collects what is to be written until the event loop's turn is over, so that each connection sends once a turn however many
 * packets it was given.
 */
export class Turn {
  #waiting: AtTurnEnd[] = [];
  #scheduled = false;

  /** The caller adds itself at most once a turn. */
  add(item: AtTurnEnd): void {
    this.#waiting.push(item);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#end());
  }

  #end(): void {
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const item of waiting) item.endTurn();
  }
}
