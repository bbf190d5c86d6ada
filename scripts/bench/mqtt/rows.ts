import type { MqttRowName } from "../setup/options.ts";
import type { Broker, BrokerName } from "./broker.ts";
import type { Login } from "./client.ts";
import type { ConnectJob, PublishJob, PutJob, Putter } from "./job.ts";
import type { QoS } from "./packets.ts";

type Transport = keyof Broker["urls"];

export type MqttRow = {
  name: MqttRowName;
  transport: Transport;
  /**
   * The brokers that get the same load in turn. The first is the one that ours is compared with: the floor, for rows
   * that no other broker supports.
   */
  others: readonly BrokerName[];
  /** The target of our ratio to the first of them. */
  atLeast?: number;
  /** With a fixed pace, latencies are measured; else the rate. */
  paced?: boolean;
  job(broker: Broker): PutJob | PublishJob | ConnectJob;
};

/** A typical document of a small device. */
const DOCUMENT = JSON.stringify({
  data: {
    alarm_armed: true,
    zones: { hall: "closed", garage: "open" },
    battery: 87,
    firmware: "2.4.1",
    seen: 1_790_000,
  },
});

const logins = (broker: Broker, count: number, from = 0): Login[] =>
  Array.from({ length: count }, (_, n) => broker.login(from + n));

const put = (): MqttRow => ({
  name: "mqtt_put",
  transport: "websocket",
  others: ["floor", "home-made"],
  atLeast: 0.25,
  job: (broker) => ({ kind: "put", devices: putters(broker, 64), body: DOCUMENT }),
});

const putters = (broker: Broker, count: number): Putter[] =>
  Array.from({ length: count }, (_, n) => ({ login: broker.login(n), putTopic: `${broker.documentsOf(n)}state/put` }));

/** TCP rows have no target: the reference is there for comparison only. */
const PEERS: Record<Transport, readonly BrokerName[]> = { websocket: ["mosquitto", "aedes"], tcp: ["mosquitto"] };

/** Sixteen publishers, each with one subscriber. */
const pairs = (broker: Broker, qos: QoS): PublishJob => ({
  kind: "publish",
  groups: Array.from({ length: 16 }, (_, n) => ({
    publisher: broker.login(2 * n),
    subscribers: [broker.login(2 * n + 1)],
  })),
  qos,
  payloadBytes: 100,
  // Mosquitto has at most 20 messages in flight to a client, and queues the rest.
  window: 20,
});

const oneToOne = (qos: QoS, transport: Transport): MqttRow => ({
  name: qos === 0 ? "mqtt_publish_qos0" : "mqtt_publish_qos1",
  transport,
  others: PEERS[transport],
  ...(transport === "websocket" && { atLeast: 0.8 }),
  job: (broker) => pairs(broker, qos),
});

const fanOut = (transport: Transport): MqttRow => ({
  name: "mqtt_fan_out",
  transport,
  others: PEERS[transport],
  job: (broker) => ({
    kind: "publish",
    groups: [{ publisher: broker.login(0), subscribers: logins(broker, 100, 1) }],
    qos: 0,
    payloadBytes: 100,
    window: 8,
  }),
});

const connectRate = (transport: Transport): MqttRow => ({
  name: "mqtt_connect",
  transport,
  others: PEERS[transport],
  job: (broker) => ({ kind: "connect", devices: logins(broker, 200), atATime: 32 }),
});

const latency = (qos: QoS, transport: Transport): MqttRow => ({
  name: qos === 0 ? "mqtt_latency_qos0" : "mqtt_latency_qos1",
  transport,
  others: PEERS[transport],
  paced: true,
  job: (broker) => ({ ...pairs(broker, qos), ratePerSecond: 1000 }),
});

const TRANSPORTS = ["websocket", "tcp"] as const;

export const MQTT_ROWS: readonly MqttRow[] = [
  put(),
  ...TRANSPORTS.flatMap((transport) => [
    oneToOne(0, transport),
    oneToOne(1, transport),
    fanOut(transport),
    connectRate(transport),
    latency(0, transport),
    latency(1, transport),
  ]),
];
