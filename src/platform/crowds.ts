type Member = () => void;
type Crowd = { readonly key: string; readonly members: Set<Member> };

/** Members grouped by key, each group in order of arrival; finds the largest group without a scan. */
export class Crowds {
  readonly #crowds = new Map<string, Crowd>();
  /** Groups by their size. */
  readonly #bySize: (Set<Crowd> | undefined)[] = [];
  #largest = 0;

  add(key: string, member: Member): void {
    let crowd = this.#crowds.get(key);
    if (!crowd) {
      crowd = { key, members: new Set() };
      this.#crowds.set(key, crowd);
    }
    const { size } = crowd.members.add(member);
    this.#move(crowd, size - 1, size);
    this.#largest = Math.max(this.#largest, size);
  }

  delete(key: string, member: Member): void {
    const crowd = this.#crowds.get(key);
    if (!crowd?.members.delete(member)) return;
    const { size } = crowd.members;
    this.#move(crowd, size + 1, size);
    if (size === 0) this.#crowds.delete(key);
    while (this.#largest > 0 && !this.#bySize[this.#largest]?.size) this.#largest--;
  }

  /** Removes and returns the oldest member of the largest group. */
  takeOldestOfLargest(): Member | undefined {
    const crowd = this.#bySize[this.#largest]?.values().next().value;
    const member = crowd?.members.values().next().value;
    if (crowd && member) this.delete(crowd.key, member);
    return member;
  }

  #move(crowd: Crowd, from: number, to: number): void {
    this.#bySize[from]?.delete(crowd);
    if (to === 0) return;
    this.#bySize[to] ??= new Set();
    this.#bySize[to].add(crowd);
  }
}
