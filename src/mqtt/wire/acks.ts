import type { ServerPacket } from "./packets.ts";

/** The place of one acknowledgement in the line. */
export type AckSlot = { packet: ServerPacket | null };

/**
 * Acknowledgements leave in the order of the publishes they answer [MQTT-4.6.0-2, MQTT-4.6.0-3], though the effects of some wait
 * for the store. What waits for nothing, behind nothing that waits, never comes here.
 */
export class AckLine {
  readonly #slots: AckSlot[] = [];

  get length(): number {
    return this.#slots.length;
  }

  /** Holds a place for an acknowledgement that is not due yet. */
  hold(): AckSlot {
    const slot: AckSlot = { packet: null };
    this.#slots.push(slot);
    return slot;
  }

  /** Fills a place, and hands out all acknowledgements that are due now. */
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
