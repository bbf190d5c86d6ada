import { malformed } from "./cursor.ts";
import { ProtocolError, REASON } from "./packets.ts";

/**
 * The first buffer for a packet that arrives in pieces. It grows as bytes arrive, so a header's announced length costs
 * no memory, and ends at the packet's own length: growing fourfold to that, a packet of 1 MB costs about 0.5 ms;
 * doubling past it, more than 1 ms.
 */
const HELD_BYTES_MIN = 256;
const HELD_GROWTH = 4;

/** Longest fixed header: one byte for the type, four for the length. */
const HEADER_BYTES_MAX = 5;

/** Receives a packet. Return false to stop; any other result is ignored. */
export type OnFrame = (frame: Uint8Array) => unknown;

/**
 * Splits bytes, arriving in any pieces, into whole packets with their fixed headers. Refuses what the header alone
 * shows to be wrong before the packet has arrived: a reserved type or flag, a length of over four bytes, a packet over
 * the maximum. A frame may be a view of the pushed bytes.
 */
export class Framer {
  /** May be raised once the client is known. */
  packetBytesMax: number;
  /** The beginning of a packet: the first `#heldBytes` bytes are filled. */
  #held: Uint8Array | null = null;
  #heldBytes = 0;

  constructor(packetBytesMax: number) {
    this.packetBytesMax = packetBytesMax;
  }

  get partialBytes(): number {
    return this.#heldBytes;
  }

  /** Memory of the packet that has begun. */
  get memoryBytes(): number {
    return this.#held?.length ?? 0;
  }

  /**
   * Returns how many of the bytes were used: all, unless `onFrame` returned false, which stops after that packet.
   * Throws a ProtocolError, or what `onFrame` throws; do not push again after either.
   */
  push(bytes: Uint8Array, onFrame: OnFrame): number {
    let at = 0;
    if (this.#heldBytes > 0) {
      const held = this.#finishHeld(bytes, onFrame);
      if (held.stopped) return held.at;
      at = held.at;
    }
    while (at < bytes.length) {
      const length = this.#packetLength(bytes, at, bytes.length);
      if (length === undefined || at + length > bytes.length) {
        this.#hold(bytes.subarray(at));
        return bytes.length;
      }
      const goesOn = onFrame(at === 0 && length === bytes.length ? bytes : bytes.subarray(at, at + length));
      at += length;
      if (goesOn === false) return at;
    }
    return at;
  }

  /** Completes the packet that has begun, if there are enough bytes. Returns how many it used. */
  #finishHeld(bytes: Uint8Array, onFrame: OnFrame): { at: number; stopped: boolean } {
    let at = 0;
    let length = this.#heldLength();
    while (length === undefined && at < bytes.length) {
      this.#hold(bytes.subarray(at, ++at));
      length = this.#heldLength();
    }
    if (length === undefined) return { at, stopped: false };

    const missing = length - this.#heldBytes;
    this.#hold(bytes.subarray(at, at + missing));
    let stopped = false;
    if (this.#heldBytes === length) {
      const frame = (this.#held as Uint8Array).subarray(0, length);
      this.#held = null;
      this.#heldBytes = 0;
      stopped = onFrame(frame) === false;
    }
    return { at: Math.min(bytes.length, at + missing), stopped };
  }

  #heldLength(): number | undefined {
    return this.#packetLength(this.#held as Uint8Array, 0, this.#heldBytes);
  }

  #hold(bytes: Uint8Array): void {
    const needed = this.#heldBytes + bytes.length;
    if (!this.#held || needed > this.#held.length) {
      const whole = this.#held ? this.#heldLength() : undefined;
      const ahead = Math.min(HELD_GROWTH * (this.#held?.length ?? 0), whole ?? Number.POSITIVE_INFINITY);
      const grown = new Uint8Array(Math.max(needed, ahead, HELD_BYTES_MIN));
      if (this.#held) grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = needed;
  }

  /** The length of the packet at `at`, with its fixed header; undefined while it is unknown. */
  #packetLength(bytes: Uint8Array, at: number, end: number): number | undefined {
    checkFirstByte(bytes[at] as number);
    let remaining = 0;
    for (let header = 1; header < HEADER_BYTES_MAX && at + header < end; header++) {
      const byte = bytes[at + header] as number;
      remaining += (byte & 0x7f) * 128 ** (header - 1);
      if (byte >= 0x80) continue;
      const length = header + 1 + remaining;
      if (length > this.packetBytesMax) {
        throw new ProtocolError(REASON.packetTooLarge, `a packet of ${length} bytes`, "3.1.2.11.4");
      }
      return length;
    }
    if (at + HEADER_BYTES_MAX <= end) throw malformed("a remaining length of over four bytes", "MQTT-1.5.5-1");
    return undefined;
  }
}

/** Required flags by type (table 2-2); -1 for PUBLISH, whose flags the codec reads. */
const FLAGS = [0, 0, 0, -1, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0];
const DUP = 0b1000;
/** PUBREL, SUBSCRIBE, UNSUBSCRIBE: MQTT 3.1 repeats them with the DUP flag. The codec refuses it at later levels. */
const REPEATED = [6, 8, 10];

function checkFirstByte(byte: number): void {
  const type = byte >> 4;
  if (type === 0) throw malformed("packet type 0", "2.1.2");
  const flags = byte & 0b1111;
  const expected = FLAGS[type] as number;
  if (expected === -1 || flags === expected) return;
  if (REPEATED.includes(type) && flags === (expected | DUP)) return;
  throw malformed(`flags ${flags} of packet type ${type}`, "MQTT-2.1.3-1");
}
