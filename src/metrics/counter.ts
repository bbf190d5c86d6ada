/** Counts up. A plain number, so that counting costs next to nothing. */
export class Counter {
  value = 0;

  add(count = 1): void {
    this.value += count;
  }
}
