/** What one account's devices may have in work at a time: enough for full groups of the writer, and no more that waits before it. */
export const WORKS_OF_ACCOUNT_MAX = 512;
/** CONNECTs of one address: who they are is looked up, and their sessions. */
export const WORKS_OF_ADDRESS_MAX = 16;
const BYTES_MAX = 4 * 1024 * 1024;

type Reader = { readOn(): void };

/**
 * How much of one account's requests (or of an address's, before it is known whose they are) is in work, over all its connections. While it is full none of them is read any further, and they go
 * on in the order in which they came to that: what an account has too much of waits with its devices, and is not refused.
 */
export class WorkWindow {
  readonly #onUnused: () => void;
  readonly #waiting = new Set<Reader>();
  #members = 0;
  #works = 0;
  #bytes = 0;

  readonly #worksMax: number;

  constructor(worksMax: number, onUnused: () => void) {
    this.#worksMax = worksMax;
    this.#onUnused = onUnused;
  }

  join(): void {
    this.#members++;
  }

  leave(reader: Reader): void {
    this.#waiting.delete(reader);
    this.#members--;
    this.#forgetIfUnused();
  }

  get isFull(): boolean {
    return this.#works >= this.#worksMax || this.#bytes >= BYTES_MAX;
  }

  /** It is to be read on when there is room. */
  wait(reader: Reader): void {
    this.#waiting.add(reader);
  }

  begin(bytes: number): void {
    this.#works++;
    this.#bytes += bytes;
  }

  end(bytes: number): void {
    this.#works--;
    this.#bytes -= bytes;
    // In one go for some, since each that is read on costs a call of the system.
    if (this.#waiting.size > 0 && this.#works <= this.#worksMax / 2 && this.#bytes <= BYTES_MAX / 2) this.#readOn();
    this.#forgetIfUnused();
  }

  #readOn(): void {
    let room = this.#worksMax - this.#works;
    for (const reader of this.#waiting) {
      if (room-- <= 0) return;
      this.#waiting.delete(reader);
      reader.readOn();
    }
  }

  #forgetIfUnused(): void {
    if (this.#members === 0 && this.#works === 0) this.#onUnused();
  }
}
