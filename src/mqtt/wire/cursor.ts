import { ProtocolError, REASON } from "./packets.ts";
import { readText } from "./utf8.ts";

/**
 * Reads the data types of MQTT (1.5) one after the other from a part of a packet. Reading past its end is malformed.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  byte(): number {
    return this.bytes[this.#take(1)] as number;
  }

  uint16(): number {
    const at = this.#take(2);
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16();
  }

  /** A variable byte integer, in the shortest form [MQTT-1.5.5-1]. */
  varInt(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0)
          throw malformed("a variable byte integer is longer than it need be", "MQTT-1.5.5-1");
        return value;
      }
    }
    throw malformed("a variable byte integer is longer than four bytes", "MQTT-1.5.5-1");
  }

  text(): string {
    const length = this.uint16();
    const at = this.#take(length);
    return readText(this.bytes, at, at + length);
  }

  binary(): Uint8Array {
    const length = this.uint16();
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** All remaining bytes. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.#take(this.left), this.end);
  }

  /** A cursor over the next `length` bytes. */
  part(length: number): Cursor {
    const at = this.#take(length);
    return new Cursor(this.bytes, at, at + length);
  }

  /** A packet identifier; 0 is not allowed [MQTT-2.2.1-3]. */
  packetIdentifier(): number {
    const identifier = this.uint16();
    if (identifier === 0) throw refused("packet identifier 0", "MQTT-2.2.1-3");
    return identifier;
  }

  /** Refuses remaining bytes. */
  done(): void {
    if (this.at !== this.end) throw malformed(`${this.left} bytes are left over`, "MQTT-4.13.1-1");
  }

  #take(count: number): number {
    const at = this.at;
    if (at + count > this.end) throw malformed("the packet ends too early", "MQTT-4.13.1-1");
    this.at = at + count;
    return at;
  }
}

/** The packet cannot be parsed (1.2). */
export const malformed = (message: string, clause: string) =>
  new ProtocolError(REASON.malformedPacket, message, clause);

/** The packet can be parsed, but its content is not allowed (1.2). */
export const refused = (message: string, clause: string) => new ProtocolError(REASON.protocolError, message, clause);
