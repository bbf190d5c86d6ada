import type { DeviceSocket } from "../../platform/device-socket.ts";
import { SEND_BYTES_LEAST, UNCOUNTED_BYTES } from "../limits.ts";
import type { ConnectionMemory } from "./connection-memory.ts";
import { isBehind } from "./sender.ts";

/** Bytes sent to one client that it has not taken yet, and the memory counted for them. */
export class OutboundBytes {
  readonly #socket: DeviceSocket;
  readonly #memory: ConnectionMemory;
  /**
   * The socket's unsent bytes when it was last asked. Asking costs a call into the runtime, so this may be out of date;
   * the present number can only be lower.
   */
  #buffered = 0;

  constructor(socket: DeviceSocket, memory: ConnectionMemory) {
    this.#socket = socket;
    this.#memory = memory;
  }

  /**
   * Whether `more` bytes, beyond the `sending` of this turn, should wait: the client has much to read, or its account
   * no memory.
   */
  isBehind(sending: number, more: number): boolean {
    if (sending + this.#buffered + more <= UNCOUNTED_BYTES) return false;
    return this.#isTooMuch(sending, more) && this.#isTooMuch(sending, more, this.#readBuffered());
  }

  /** Counts `bytes` that will be sent at the end of the turn. */
  sending(bytes: number): void {
    const all = bytes + this.#buffered;
    if (all > UNCOUNTED_BYTES) this.#memory.set("sending", all);
  }

  /**
   * Called after bytes were given to the transport, or the client took some. Returns false if there is no memory for
   * the rest.
   */
  sent(): boolean {
    const bytes = this.#readBuffered();
    return this.#memory.set("sending", bytes) || bytes <= SEND_BYTES_LEAST;
  }

  #isTooMuch(sending: number, more: number, buffered = this.#buffered): boolean {
    const onTheirWay = sending + buffered;
    return isBehind(onTheirWay) || !this.#memory.hasRoom("sending", onTheirWay + more);
  }

  #readBuffered(): number {
    this.#buffered = this.#socket.bufferedBytes;
    return this.#buffered;
  }
}
