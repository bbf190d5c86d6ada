import type { ServerPacket } from "./packets.ts";

/** A place reserved for one acknowledgement. */
export type AckSlot = { packet: ServerPacket | null };

/**
 * Sends acknowledgements in the order of the publishes they answer [MQTT-4.6.0-2, MQTT-4.6.0-3], though some must wait
 * for the store. One that need not wait, with none waiting before it, bypasses this.
 */
export class AckQueue {
  readonly #slots: AckSlot[] = [];

  get length(): number {
    return this.#slots.length;
  }

  /** Reserves a place for an acknowledgement that is not due yet. */
  hold(): AckSlot {
    const slot: AckSlot = { packet: null };
    this.#slots.push(slot);
    return slot;
  }

  /** Fills a place, and sends all acknowledgements that are now due. */
  settle(slot: AckSlot, packet: ServerPacket, send: (packet: ServerPacket) => void): void {
    slot.packet = packet;
    let due = 0;
    for (const { packet } of this.#slots) {
      if (packet === null) break;
      send(packet);
      due++;
    }
    this.#slots.splice(0, due);
  }
}
