import type { CpuTimes } from "../measures/cpu-time.ts";
import type { Login, Target } from "./client.ts";
import type { QoS } from "./packets.ts";

/** What the generator is told to do with one broker. */
export type MqttJob = { target: Target; warmUpMs: number; measureMs: number } & (
  | PutJob
  | PublishJob
  | ConnectJob
  | IdleJob
);

/** Each device puts a document of its own again and again, with QoS 1, as soon as the answer to the last one has come. */
export type PutJob = { kind: "put"; devices: Putter[]; body: string };

/** Answers come below the topic of the request. */
export type Putter = { login: Login; putTopic: string };

/** Each publisher has a topic of its own, and each topic its subscribers. */
export type PublishJob = {
  kind: "publish";
  groups: { publisher: Login; subscribers: Login[] }[];
  qos: QoS;
  payloadBytes: number;
  /** Messages of a publisher that are on their way at a time. */
  window: number;
  /** Of all publishers together, at random instants, whether or not the broker keeps up; otherwise as fast as the windows allow. */
  ratePerSecond?: number;
};

/** Connections come, are accepted and go. */
export type ConnectJob = { kind: "connect"; devices: Login[]; atATime: number };

/** Connections come and stay, silent, until the next job. */
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
