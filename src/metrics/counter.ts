/** Counts up. A plain number: what counts must not be noticed by what is counted. */
export class Counter {
  value = 0;

  add(count = 1): void {
    this.value += count;
  }
}
