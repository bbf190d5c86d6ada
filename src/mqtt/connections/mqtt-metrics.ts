import type { Metrics } from "../../metrics/metrics.ts";
import type { DeviceSocket } from "../../platform/device-socket.ts";
import type { Traffic } from "../events/sys-topics.ts";
import { MEMORY_KINDS, type MemoryBudget } from "../flow/memory-budget.ts";
import { PacketCounts } from "../flow/packet-counts.ts";
import { type Level, REASON, type ReasonCode } from "../wire/packets.ts";
import type { HubNamespace } from "./hub-namespace.ts";

const RECEIVED = { name: "twinpost_mqtt_packets_received_total", help: "MQTT packets of devices, by type." };
const SENT = { name: "twinpost_mqtt_packets_sent_total", help: "MQTT packets to devices, by type." };
const CONNECTS = { name: "twinpost_mqtt_connects_total", help: "CONNECTs that were accepted." };
const REFUSALS = { name: "twinpost_mqtt_refusals_total", help: "CONNECTs that were refused, by why." };

const MEMORY = { name: "twinpost_mqtt_memory_bytes", help: "Memory that is held for devices, by what for." };

/** `notAuthorized` → `not_authorized`. */
const inWords = (reason: string) => reason.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const REASONS = new Map<ReasonCode, string>(Object.entries(REASON).map(([name, code]) => [code, inWords(name)]));

/** The broker's metrics, for all hubs together. Each hub's own figures are in `$SYS/#`. */
export class MqttMetrics {
  readonly received: PacketCounts;
  readonly sent: PacketCounts;
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.received = new PacketCounts(metrics, RECEIVED);
    this.sent = new PacketCounts(metrics, SENT);
  }

  connected(level: Level, { transport }: DeviceSocket): void {
    this.#metrics.counter(CONNECTS, { version: String(level), transport }).add();
  }

  refused(reasonCode: ReasonCode): void {
    this.#metrics.counter(REFUSALS, { reason: REASONS.get(reasonCode) as string }).add();
  }

  /** Figures read when the metrics are requested. */
  read(broker: {
    connectionCount(): number;
    hubs(): Iterable<HubNamespace>;
    traffic(): Traffic;
    memory: readonly MemoryBudget[];
  }): void {
    const sum = (of: (hub: HubNamespace) => number) => () => {
      let total = 0;
      for (const hub of broker.hubs()) total += of(hub);
      return total;
    };
    const gauge = (name: string, help: string, read: () => number) =>
      this.#metrics.read("gauge", { name: `twinpost_mqtt_${name}`, help }, read);
    const counter = (name: string, help: string, of: keyof Traffic) =>
      this.#metrics.read("counter", { name: `twinpost_mqtt_${name}_total`, help }, () => broker.traffic()[of]);

    gauge("connections", "Connections of devices, those included that have not sent their CONNECT.", () =>
      broker.connectionCount(),
    );
    const connected = sum(({ holders }) => holders.size);
    const known = sum(({ sessions }) => sessions.size);
    const about = {
      name: "twinpost_mqtt_sessions",
      help: "Sessions of devices: connected, or away and kept for them.",
    };
    this.#metrics.read("gauge", about, () => [
      { labels: { state: "connected" }, value: connected() },
      { labels: { state: "away" }, value: Math.max(0, known() - connected()) },
    ]);
    gauge(
      "subscriptions",
      "Topic filters that sessions are subscribed to.",
      sum(({ tree }) => tree.size),
    );
    gauge(
      "queued_bytes",
      "Messages that wait in memory for devices to read.",
      sum(({ queuedBytes }) => queuedBytes),
    );
    this.#metrics.read("gauge", MEMORY, () =>
      MEMORY_KINDS.map((kind) => ({
        labels: { kind },
        value: broker.memory.reduce((sum, budget) => sum + budget.taken(kind), 0),
      })),
    );
    gauge("memory_limit_bytes", "What all of that together may take.", () =>
      broker.memory.reduce((sum, budget) => sum + budget.bytesMax, 0),
    );
    counter("received_bytes", "Bytes of packets of devices.", "bytesReceived");
    counter("sent_bytes", "Bytes of packets to devices.", "bytesSent");
    counter("messages_dropped", "Messages not delivered to one of their subscribers.", "publishesDropped");
  }
}
