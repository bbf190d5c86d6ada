/** What one participant has used so far. */
export type Share<Content> = {
  readonly content: Content;
  /** The sum of its charges, counted from the level at which it entered. */
  used: number;
  /** Its index in the heap; -1 while it has nothing waiting. */
  index: number;
};

/** Minimum number of participants that are kept before those that owe nothing are removed. */
const REMEMBERED_MIN = 1024;

/**
 * Participants that share a resource, such as the writer's time, and how much each has used. The one that used least is
 * next. A newcomer enters at the level of the one served now, so idle time earns nothing. Use above that level is
 * remembered while others wait.
 */
export class Shares<Content> {
  readonly #create: () => Content;
  readonly #all = new Map<string, Share<Content>>();
  /** Participants with something waiting, as a binary heap: a parent has used no more than its children. */
  readonly #waiting: Share<Content>[] = [];
  /** What the participant served last had used before. No participant enters below this. */
  #level = 0;
  /** The most that any participant has used. */
  #highest = 0;
  #sweepAt = REMEMBERED_MIN;

  constructor(create: () => Content) {
    this.#create = create;
  }

  /** Number of participants with something waiting. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Number of participants that are kept. */
  get remembered(): number {
    return this.#all.size;
  }

  /** Marks that this participant has something waiting. */
  enter(key: string): Share<Content> {
    const share = this.#all.get(key) ?? this.#add(key);
    if (share.index < 0) {
      share.used = Math.max(share.used, this.#level);
      this.#siftUp(share, this.#waiting.length);
    }
    return share;
  }

  /** The participant with something waiting that has used least. */
  get first(): Share<Content> | undefined {
    return this.#waiting[0];
  }

  /** Returns the same participant and makes its use the current level: it is served now. */
  least(): Share<Content> | undefined {
    const least = this.#waiting[0];
    if (least) this.#level = least.used;
    return least;
  }

  /** Marks that this participant has nothing waiting any more. */
  leave(share: Share<Content>): void {
    const { index } = share;
    const last = this.#waiting.pop();
    share.index = -1;
    if (last && last !== share) {
      this.#siftUp(last, index);
      this.#siftDown(last, last.index);
    }
    // With nothing waiting, the resource is idle: all participants start equal again.
    if (this.#waiting.length === 0) this.#level = this.#highest;
  }

  charge(share: Share<Content>, amount: number): void {
    share.used += amount;
    this.#highest = Math.max(this.#highest, share.used);
    if (share.index >= 0) this.#siftDown(share, share.index);
    else if (this.#waiting.length === 0) this.#level = this.#highest;
  }

  #add(key: string): Share<Content> {
    if (this.#all.size >= this.#sweepAt) {
      for (const [known, share] of this.#all) if (share.index < 0 && share.used <= this.#level) this.#all.delete(known);
      this.#sweepAt = Math.max(REMEMBERED_MIN, this.#all.size * 2);
    }
    const share = { content: this.#create(), used: this.#level, index: -1 };
    this.#all.set(key, share);
    return share;
  }

  #siftUp(share: Share<Content>, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#waiting[above] as Share<Content>;
      if (parent.used <= share.used) break;
      this.#put(parent, index);
      index = above;
    }
    this.#put(share, index);
  }

  #siftDown(share: Share<Content>, from: number): void {
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      const [left, right] = [this.#waiting[below], this.#waiting[below + 1]];
      if (!left) break;
      let child = left;
      if (right && right.used < left.used) {
        child = right;
        below++;
      }
      if (share.used <= child.used) break;
      this.#put(child, index);
      index = below;
    }
    this.#put(share, index);
  }

  #put(share: Share<Content>, index: number): void {
    this.#waiting[index] = share;
    share.index = index;
  }
}
