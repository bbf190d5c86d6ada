import type { CpuTimes } from "../measures/cpu-time.ts";
import type { Login, Target } from "./client.ts";
import type { QoS } from "./packets.ts";

/** A job of the generator with one broker. */
export type MqttJob = { target: Target; warmUpMs: number; measureMs: number } & (
  | PutJob
  | PublishJob
  | ConnectJob
  | IdleJob
);

/** Each device puts its own document again and again, with QoS 1, as soon as it has the answer to the last put. */
export type PutJob = { kind: "put"; devices: Putter[]; body: string };

/** Answers arrive on topics below that of the request. */
export type Putter = { login: Login; putTopic: string };

/** Each publisher has its own topic, and each topic its own subscribers. */
export type PublishJob = {
  kind: "publish";
  groups: { publisher: Login; subscribers: Login[] }[];
  qos: QoS;
  payloadBytes: number;
  /** Messages of a publisher in flight at a time. */
  window: number;
  /**
   * Of all publishers together, at random instants, whether or not the broker keeps up; otherwise as fast as the
   * windows allow.
   */
  ratePerSecond?: number;
};

/** Connections that open, are accepted and close. */
export type ConnectJob = { kind: "connect"; devices: Login[]; atATime: number };

/** Connections that open and stay idle until the next job. */
export type IdleJob = { kind: "idle"; devices: Login[]; atATime: number };

export type MqttResult = {
  /** Answers, deliveries or connections in the measured time. */
  count: number;
  rate: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  cpu: CpuTimes;
};
