import type { Counter } from "../../metrics/counter.ts";
import type { About, Metrics } from "../../metrics/metrics.ts";

/** By the packet type in the first byte (table 2-1). */
const TYPES = [
  "reserved",
  "connect",
  "connack",
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "suback",
  "unsubscribe",
  "unsuback",
  "pingreq",
  "pingresp",
  "disconnect",
  "auth",
];

/** Counts packets by their type. */
export class PacketCounts {
  readonly #byType: readonly Counter[];

  constructor(metrics: Metrics, about: About) {
    this.#byType = TYPES.map((type) => metrics.counter(about, { type }));
  }

  add(packet: Uint8Array): void {
    this.#byType[(packet[0] as number) >> 4]?.add();
  }
}
