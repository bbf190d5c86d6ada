/**
 * Requests of one account's devices in progress at a time. Finished ones are answered at once, and others wait for
 * that: beside 64 devices with 500 puts each the p99 of another account's messages is 29 ms with 512, 15 with 128, 12
 * with 64; these puts take 12.0, 12.1 and 16.4 s.
 */
export const ACCOUNT_REQUESTS_MAX = 128;
/** Maximum number of CONNECTs in progress from one address: each looks up credentials and sessions. */
export const ADDRESS_REQUESTS_MAX = 16;
/** Bytes of the requests in progress. */
const BYTES_MAX = 4 * 1024 * 1024;
/** Packets that a connection may read in its turn, while others wait: each turn costs system calls. */
export const TURN_PACKETS = 8;

type Reader = {
  /** Called when it is the reader's turn. */
  admit(): void;
};

/**
 * Limits the requests in progress of one account (or of an address, before authentication), over all its connections.
 * While the window is full, none of them is read; they resume in the order in which they began to wait, a few packets
 * each. So an account's excess waits in its devices' sockets and is not refused.
 */
export class WorkWindow {
  readonly #worksMax: number;
  readonly #onUnused: () => void;
  readonly #waiting = new Set<Reader>();
  #members = 0;
  #works = 0;
  #bytes = 0;

  constructor(worksMax: number, onUnused: () => void) {
    this.#worksMax = worksMax;
    this.#onUnused = onUnused;
  }

  join(): void {
    this.#members++;
  }

  leave(reader: Reader): void {
    this.#members--;
    if (this.#waiting.delete(reader)) this.#admitNext();
    this.#forgetIfUnused();
  }

  get isFull(): boolean {
    return this.#works >= this.#worksMax || this.#bytes >= BYTES_MAX;
  }

  /** Whether readers wait already, and there is no room for one more turn. */
  get isQueued(): boolean {
    return this.#waiting.size > 0 && !this.#hasRoom;
  }

  /** Whether there is room for one more turn. */
  get #hasRoom(): boolean {
    return this.#works <= this.#worksMax - Math.min(TURN_PACKETS, this.#worksMax / 2) && this.#bytes < BYTES_MAX;
  }

  /** Queues a reader, to be admitted in its turn. */
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
    this.#admitNext();
    this.#forgetIfUnused();
  }

  #admitNext(): void {
    let left = this.#waiting.size;
    for (const first of this.#waiting) {
      if (left-- === 0 || !this.#hasRoom) return;
      this.#waiting.delete(first);
      first.admit();
    }
  }

  #forgetIfUnused(): void {
    if (this.#members === 0 && this.#works === 0) this.#onUnused();
  }
}
