import type { DeviceSocket } from "../../platform/device-socket.ts";
import { SEND_BYTES_LEAST, UNCOUNTED_BYTES } from "../limits.ts";
import type { MemoryUse } from "./memory-use.ts";
import { isBehind } from "./sender.ts";

/** The bytes on their way to one client that it has not taken, and the memory that is paid for them. */
export class OutboundBytes {
  readonly #socket: DeviceSocket;
  readonly #memory: MemoryUse;
  /** Of what was sent, what was with us when it was last looked at: to look takes a call of the runtime. It is no more by now. */
  #buffered = 0;

  constructor(socket: DeviceSocket, memory: MemoryUse) {
    this.#socket = socket;
    this.#memory = memory;
  }

  /** Whether so many more had better wait, beside those that are sent at the end of the turn: it has much to read, or its account no memory. */
  isBehind(sending: number, more: number): boolean {
    if (sending + this.#buffered + more <= UNCOUNTED_BYTES) return false;
    return this.#isTooMuch(sending, more) && this.#isTooMuch(sending, more, this.#look());
  }

  /** So many are sent at the end of the turn. */
  sending(bytes: number): void {
    const all = bytes + this.#buffered;
    if (all > UNCOUNTED_BYTES) this.#memory.set("sending", all);
  }

  /** What was to be sent is with the transport, or some of it was taken. False if there is no memory for what was not. */
  sent(): boolean {
    const bytes = this.#look();
    return this.#memory.set("sending", bytes) || bytes <= SEND_BYTES_LEAST;
  }

  #isTooMuch(sending: number, more: number, buffered = this.#buffered): boolean {
    const onTheirWay = sending + buffered;
    return isBehind(onTheirWay) || !this.#memory.hasRoom("sending", onTheirWay + more);
  }

  #look(): number {
    this.#buffered = this.#socket.bufferedBytes;
    return this.#buffered;
  }
}
