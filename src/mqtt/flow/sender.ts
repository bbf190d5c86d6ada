import { SEND_BYTES_MAX } from "../limits.ts";
import { encode } from "../wire/codec.ts";
import type { OutboundMessage, PublishHeader } from "../wire/outbound-message.ts";
import type { Level, ServerPacket } from "../wire/packets.ts";
import type { PacketCounts } from "./packet-counts.ts";
import { type AliasMemory, OutgoingAliases } from "./topic-aliases.ts";

/** What the client announced in CONNECT. */
type ClientLimits = {
  level: Level;
  packetBytesMax: number;
  topicAliasMaximum: number;
  problemInformation: boolean;
};

/** Pieces up to this size are joined before they are sent; copying a larger one costs more than sending it alone. */
const PIECE_MAX = 64 * 1024;

/** Encodes packets for one client and collects them until the turn ends. */
export class Sender {
  readonly limits: ClientLimits;
  readonly #aliases: OutgoingAliases;
  /** Counts for all connections. */
  readonly #sent: PacketCounts;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Counters since the last flush. */
  #packets = 0;
  #publishes = 0;
  #tooLarge = 0;

  constructor(limits: ClientLimits, sent: PacketCounts, aliasMemory: AliasMemory) {
    this.limits = limits;
    this.#sent = sent;
    this.#aliases = new OutgoingAliases(limits.topicAliasMaximum, aliasMemory);
  }

  /** Bytes that will be sent at the end of the turn. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Writes a packet other than PUBLISH. Reason string and user properties are left out if the client asked for none
   * [MQTT-3.1.2-29] or the packet would be too large for it.
   */
  packet(packet: ServerPacket): void {
    const explains = packet.cmd === "connack" || packet.cmd === "disconnect";
    const terse = !this.limits.problemInformation && !explains;
    let bytes = encode(terse ? withoutExplanation(packet) : packet, this.limits.level);
    if (bytes.length > this.limits.packetBytesMax) bytes = encode(withoutExplanation(packet), this.limits.level);
    if (bytes.length <= this.limits.packetBytesMax) this.#push(bytes);
  }

  /**
   * Returns false if the packet is larger than the client accepts; it then counts as delivered [MQTT-3.1.2-24,
   * MQTT-3.1.2-25].
   */
  publish(envelope: OutboundMessage, wrapping: PublishHeader): boolean {
    const { level, packetBytesMax } = this.limits;
    const { topic } = envelope.message;
    const alias = level === 5 ? this.#aliases.aliasFor(topic) : undefined;
    const bytes = alias
      ? envelope.encodeWith(level, wrapping, alias.alias, alias.known)
      : envelope.encode(level, wrapping);
    if (bytes.length > packetBytesMax) {
      this.#tooLarge++;
      return false;
    }
    if (alias && !alias.known) this.#aliases.learn(topic, alias.alias);
    this.#publishes++;
    this.#push(bytes);
    return true;
  }

  /** Sends the collected bytes in few pieces, and returns how much was sent. */
  flush(send: (bytes: Uint8Array) => void): FlushedCounts {
    const written = {
      bytes: this.#bytes,
      packets: this.#packets,
      publishes: this.#publishes,
      tooLarge: this.#tooLarge,
    };
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = this.#packets = this.#publishes = this.#tooLarge = 0;
    sendAll(pieces, send);
    return written;
  }

  #push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    this.#packets++;
    this.#sent.add(bytes);
  }
}

export type FlushedCounts = { bytes: number; packets: number; publishes: number; tooLarge: number };

function sendAll(pieces: readonly Uint8Array[], send: (bytes: Uint8Array) => void): void {
  if (pieces.length === 1) {
    send(pieces[0] as Uint8Array);
    return;
  }
  let small: Uint8Array[] = [];
  const sendSmall = () => {
    if (small.length > 0) send(small.length === 1 ? (small[0] as Uint8Array) : joined(small));
    small = [];
  };
  for (const piece of pieces) {
    if (piece.length <= PIECE_MAX) small.push(piece);
    else {
      sendSmall();
      send(piece);
    }
  }
  sendSmall();
}

/** Whether a client with this number of unsent bytes should be sent no more for now. */
export const isBehind = (bytes: number) => bytes > SEND_BYTES_MAX;

/** Without reason string and user properties. */
function withoutExplanation(packet: ServerPacket): ServerPacket {
  if (!("properties" in packet) || !packet.properties) return packet;
  const { reasonString, userProperties, ...properties } = packet.properties as Record<string, unknown>;
  return { ...packet, properties } as ServerPacket;
}

function joined(pieces: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
