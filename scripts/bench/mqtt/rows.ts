import type { MqttRowName } from "../options.ts";
import type { Broker } from "./brokers.ts";
import type { Login } from "./client.ts";
import type { ConnectJob, PublishJob, PutJob } from "./job.ts";
import type { QoS } from "./packets.ts";

type Transport = keyof Broker["urls"];

export type MqttRow = {
  name: MqttRowName;
  transport: Transport;
  /** What ours is compared with: the floor where nobody else knows the question. */
  against: "floor" | "mosquitto";
  atLeast?: number;
  /** At a pace, latencies are what is asked about; else the rate. */
  paced?: boolean;
  job(broker: Broker): PutJob | PublishJob | ConnectJob;
};

/** A document as a small device keeps it. */
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
  against: "floor",
  atLeast: 0.25,
  job: (broker) => ({ kind: "put", devices: logins(broker, 64), documentName: "state", body: DOCUMENT }),
});

/** Sixteen publishers, each with one subscriber. */
const pairs = (broker: Broker, qos: QoS): PublishJob => ({
  kind: "publish",
  groups: Array.from({ length: 16 }, (_, n) => ({
    publisher: broker.login(2 * n),
    subscribers: [broker.login(2 * n + 1)],
  })),
  qos,
  payloadBytes: 100,
  // Mosquitto has at most 20 on their way to a client at a time, and queues what comes beside.
  window: 20,
});

const oneToOne = (qos: QoS, transport: Transport): MqttRow => ({
  name: qos === 0 ? "mqtt_publish_qos0" : "mqtt_publish_qos1",
  transport,
  against: "mosquitto",
  ...(transport === "websocket" && { atLeast: 0.8 }),
  job: (broker) => pairs(broker, qos),
});

const fanOut = (transport: Transport): MqttRow => ({
  name: "mqtt_fan_out",
  transport,
  against: "mosquitto",
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
  against: "mosquitto",
  job: (broker) => ({ kind: "connect", devices: logins(broker, 200), atATime: 32 }),
});

const latency = (qos: QoS, transport: Transport): MqttRow => ({
  name: qos === 0 ? "mqtt_latency_qos0" : "mqtt_latency_qos1",
  transport,
  against: "mosquitto",
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
