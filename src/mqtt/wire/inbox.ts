import { Framer, type OnFrame } from "./framer.ts";

/** A remainder below this part of its chunk is copied, so that it does not keep the whole chunk in memory. */
const COPIED_PART = 1 / 4;

/**
 * Unread bytes of a connection, kept as they arrived, so that a thousand small packets take no more memory than they
 * did on the wire.
 */
export class Inbox {
  readonly #framer: Framer;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(packetBytesMax: number) {
    this.#framer = new Framer(packetBytesMax);
  }

  /** Whether there are bytes that the framer has not seen. */
  get hasUnread(): boolean {
    return this.#pieces.length > 0;
  }

  get unreadBytes(): number {
    return this.#bytes;
  }

  /** Including the packet that has begun. */
  get memoryBytes(): number {
    return this.#bytes + this.#framer.memoryBytes;
  }

  keep(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }

  /**
   * Passes the packets of the kept and of these bytes to `onFrame`, until that returns false; keeps the rest. Throws as
   * the framer does.
   */
  read(onFrame: OnFrame, bytes?: Uint8Array): void {
    if (bytes && this.#pieces.length > 0) this.keep(bytes);
    else if (bytes) {
      const rest = this.#rest(bytes, this.#framer.push(bytes, onFrame));
      if (rest) this.keep(rest);
      return;
    }
    let done = 0;
    let rest: Uint8Array | undefined;
    // A packet may end exactly at the end of a chunk.
    let isStopped = false;
    const take = (frame: Uint8Array) => {
      isStopped = onFrame(frame) === false;
      return !isStopped;
    };
    while (done < this.#pieces.length && !isStopped) {
      const piece = this.#pieces[done++] as Uint8Array;
      this.#bytes -= piece.length;
      rest = this.#rest(piece, this.#framer.push(piece, take));
    }
    this.#pieces = rest ? [rest, ...this.#pieces.slice(done)] : this.#pieces.slice(done);
    this.#bytes += rest?.length ?? 0;
  }

  clear(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }

  #rest(bytes: Uint8Array, used: number): Uint8Array | undefined {
    if (used === bytes.length) return undefined;
    const rest = bytes.subarray(used);
    return rest.length < bytes.buffer.byteLength * COPIED_PART ? rest.slice() : rest;
  }
}
