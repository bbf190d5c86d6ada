/** Counts by name, until they are taken and stored. Counts not yet taken are lost if the process ends. */
export class PendingCounts {
  #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** Takes at most `limit` counts, oldest names first. A caller that fails to store them adds them again. */
  take(limit: number): [name: string, count: number][] {
    const taken = [...this.#counts.entries().take(limit)];
    for (const [name] of taken) this.#counts.delete(name);
    return taken;
  }
}
