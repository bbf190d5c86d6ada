import type { Cancel, Clock } from "../../kernel/clock.ts";
import type { DeviceSocket } from "../../platform/device-socket.ts";
import { SEND_BYTES_HARD_MAX, STALLED_MAX_MS } from "../limits.ts";
import { isBehind } from "./sender.ts";

/**
 * Disconnects a slow client: one that reads none of many unsent bytes for STALLED_MAX_MS, or whose unsent bytes exceed
 * the maximum.
 */
export class SlowClientWatch {
  readonly #socket: DeviceSocket;
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #giveUp: () => void;
  #sentBytes = 0;
  #cancel: Cancel | undefined;

  constructor(socket: DeviceSocket, clock: Clock, packetBytesMax: number, giveUp: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#bytesMax = SEND_BYTES_HARD_MAX + packetBytesMax;
    this.#giveUp = giveUp;
  }

  /** `bytes` were given to the transport. */
  sent(bytes: number): void {
    this.#sentBytes += bytes;
    const { bufferedBytes } = this.#socket;
    if (bufferedBytes > this.#bytesMax) this.#giveUp();
    else if (!this.#cancel && isBehind(bufferedBytes)) this.#watch(this.#takenBytes);
  }

  stop(): void {
    this.#cancel?.();
  }

  get #takenBytes(): number {
    return this.#sentBytes - this.#socket.bufferedBytes;
  }

  #watch(takenBytes: number): void {
    this.#cancel = this.#clock.at(this.#clock.now() + STALLED_MAX_MS, () => {
      this.#cancel = undefined;
      if (!isBehind(this.#socket.bufferedBytes)) return;
      if (this.#takenBytes === takenBytes) this.#giveUp();
      else this.#watch(this.#takenBytes);
    });
  }
}
