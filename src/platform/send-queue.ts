/** Small pieces are joined up to this size, so that a backlog of them takes few system calls. */
const JOIN_BYTES = 64 * 1024;

/** Bytes that the system does not accept yet, in order. Pieces are kept, not copied. */
export class SendQueue {
  #pieces: Uint8Array[] = [];
  #first = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** Puts back a piece that was taken and is still unsent. */
  putBack(piece: Uint8Array): void {
    if (this.#first > 0) this.#pieces[--this.#first] = piece;
    else this.#pieces.unshift(piece);
    this.#bytes += piece.length;
  }

  /** The next bytes: one piece, or several small ones joined. Undefined if there are none. */
  take(): Uint8Array | undefined {
    const start = this.#first;
    let end = start;
    let bytes = 0;
    while (end < this.#pieces.length) {
      const { length } = this.#pieces[end] as Uint8Array;
      if (end > start && bytes + length > JOIN_BYTES) break;
      bytes += length;
      end += 1;
    }
    if (end === start) return undefined;
    const taken = end === start + 1 ? this.#pieces[start] : Buffer.concat(this.#pieces.slice(start, end), bytes);
    this.#drop(end);
    this.#bytes -= bytes;
    return taken;
  }

  clear(): void {
    this.#pieces = [];
    this.#first = 0;
    this.#bytes = 0;
  }

  /**
   * Drops the pieces before `end`. The array itself is shortened only now and then, since each time costs its whole
   * length.
   */
  #drop(end: number): void {
    this.#pieces.fill(EMPTY, this.#first, end);
    this.#first = end;
    if (this.#first * 2 < this.#pieces.length) return;
    this.#pieces.splice(0, this.#first);
    this.#first = 0;
  }
}

const EMPTY = new Uint8Array();
