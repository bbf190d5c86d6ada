/** What one of those who share something has had of it. */
export type Share<Content> = {
  readonly content: Content;
  /** The sum of its charges, counted from the level at which it entered. */
  had: number;
  /** Its index in the heap, -1 while nothing of it waits. */
  place: number;
};

/** So many are remembered at least before those who owe nothing are forgotten. */
const REMEMBERED_MIN = 1024;

/**
 * Those who share something, such as the writer's time, and how much each has had. The one that had least is next. A newcomer enters at the
 * level of the one that is served now: idle time earns nothing. What one has had beyond that level is remembered while others wait.
 */
export class Shares<Content> {
  readonly #create: () => Content;
  readonly #all = new Map<string, Share<Content>>();
  /** Those of whom something waits, as a binary heap: a parent has had no more than its children. */
  readonly #waiting: Share<Content>[] = [];
  /** What the one that was served last had had before. Nobody who enters has had less. */
  #level = 0;
  /** The most that anybody has had. */
  #most = 0;
  #sweepAt = REMEMBERED_MIN;

  constructor(create: () => Content) {
    this.#create = create;
  }

  /** How many have something that waits. */
  get size(): number {
    return this.#waiting.length;
  }

  /** How many are remembered. */
  get remembered(): number {
    return this.#all.size;
  }

  /** Something of this one waits from now on. */
  enter(key: string): Share<Content> {
    const share = this.#all.get(key) ?? this.#add(key);
    if (share.place < 0) {
      share.had = Math.max(share.had, this.#level);
      this.#rise(share, this.#waiting.length);
    }
    return share;
  }

  /** The one that has had least of those of whom something waits. */
  get first(): Share<Content> | undefined {
    return this.#waiting[0];
  }

  /** Returns the same, and takes it for the one that is served now. */
  least(): Share<Content> | undefined {
    const least = this.#waiting[0];
    if (least) this.#level = least.had;
    return least;
  }

  /** Nothing of this one waits any more. */
  leave(share: Share<Content>): void {
    const { place } = share;
    const last = this.#waiting.pop();
    share.place = -1;
    if (last && last !== share) {
      this.#rise(last, place);
      this.#sink(last, last.place);
    }
    // With nothing that waits a time of plenty begins: all are equal again.
    if (this.#waiting.length === 0) this.#level = this.#most;
  }

  charge(share: Share<Content>, amount: number): void {
    share.had += amount;
    this.#most = Math.max(this.#most, share.had);
    if (share.place >= 0) this.#sink(share, share.place);
    else if (this.#waiting.length === 0) this.#level = this.#most;
  }

  #add(key: string): Share<Content> {
    if (this.#all.size >= this.#sweepAt) {
      for (const [known, share] of this.#all) if (share.place < 0 && share.had <= this.#level) this.#all.delete(known);
      this.#sweepAt = Math.max(REMEMBERED_MIN, this.#all.size * 2);
    }
    const share = { content: this.#create(), had: this.#level, place: -1 };
    this.#all.set(key, share);
    return share;
  }

  #rise(share: Share<Content>, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#waiting[above] as Share<Content>;
      if (parent.had <= share.had) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(share, place);
  }

  #sink(share: Share<Content>, from: number): void {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      const [left, right] = [this.#waiting[below], this.#waiting[below + 1]];
      if (!left) break;
      let child = left;
      if (right && right.had < left.had) {
        child = right;
        below++;
      }
      if (share.had <= child.had) break;
      this.#put(child, place);
      place = below;
    }
    this.#put(share, place);
  }

  #put(share: Share<Content>, place: number): void {
    this.#waiting[place] = share;
    share.place = place;
  }
}
