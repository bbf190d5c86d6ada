import type { Cancel, Clock } from "../../kernel/clock.ts";
import { KEEP_ALIVE_FACTOR } from "../limits.ts";
import type { Connect } from "../wire/packets.ts";

/**
 * Returns the keep alive in force, in seconds: the client's own; for MQTT 5 the server's maximum if that is shorter or
 * the client asked for none [MQTT-3.1.2-21]. 0 below MQTT 5 means none.
 */
export function keepAliveOf({ keepalive, protocolVersion }: Connect, maximumS: number): number {
  if (protocolVersion < 5) return keepalive;
  return keepalive === 0 ? maximumS : Math.min(keepalive, maximumS);
}

/**
 * Calls back if a client is silent for one and a half times its keep alive [MQTT-3.1.2-22]. One timer, moved only when
 * it fires.
 */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #allowanceMs: number;
  readonly #onSilence: () => void;
  #heardAt: number;
  #cancel: Cancel;

  constructor(clock: Clock, seconds: number, onSilence: () => void) {
    this.#clock = clock;
    this.#allowanceMs = seconds * 1000 * KEEP_ALIVE_FACTOR;
    this.#onSilence = onSilence;
    this.#heardAt = clock.now();
    this.#cancel = this.#arm();
  }

  /** Starts again with a full interval, after `stop`. */
  listen(): void {
    this.heard();
    this.#cancel = this.#arm();
  }

  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #arm(): Cancel {
    return this.#clock.at(this.#heardAt + this.#allowanceMs, () => {
      if (this.#clock.now() - this.#heardAt >= this.#allowanceMs) this.#onSilence();
      else this.#cancel = this.#arm();
    });
  }
}
