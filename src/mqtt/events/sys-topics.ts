import type { Deps } from "../../deps.ts";
import type { Cancel } from "../../kernel/clock.ts";
import { type FairSlices, UNFINISHED } from "../../kernel/fairness/fair-slices.ts";
import { VERSION } from "../../kernel/version.ts";
import type { Message } from "../wire/message.ts";
import { matches } from "../wire/topics.ts";

/** Counters of a hub's connections since the server started; senders and receivers add to them. */
export type Traffic = {
  /** Packets of all types. */
  packetsReceived: number;
  packetsSent: number;
  publishesReceived: number;
  publishesSent: number;
  /**
   * Not delivered to a subscriber: its session was slow or full, the packet too large for it, or the message expired.
   */
  publishesDropped: number;
  bytesReceived: number;
  bytesSent: number;
};

/** The current state of a hub. */
export type HubState = {
  clientsConnected: number;
  subscriptions: number;
  retainedMessages: number;
  eventsDropped: number;
};

type Figures = Traffic & HubState & { uptimeSeconds: number };

const INTERVAL_MS = 10_000;

// The names are those of mosquitto, which dashboards know; the figures are those of the subscriber's own hub.
const TOPICS: readonly (readonly [topic: string, figureOf: (figures: Figures) => number | string])[] = [
  ["$SYS/broker/version", () => `twinpost version ${VERSION}`],
  ["$SYS/broker/uptime", ({ uptimeSeconds }) => `${uptimeSeconds} seconds`],
  ["$SYS/broker/clients/connected", ({ clientsConnected }) => clientsConnected],
  ["$SYS/broker/subscriptions/count", ({ subscriptions }) => subscriptions],
  ["$SYS/broker/retained messages/count", ({ retainedMessages }) => retainedMessages],
  ["$SYS/broker/messages/received", ({ packetsReceived }) => packetsReceived],
  ["$SYS/broker/messages/sent", ({ packetsSent }) => packetsSent],
  ["$SYS/broker/publish/messages/received", ({ publishesReceived }) => publishesReceived],
  ["$SYS/broker/publish/messages/sent", ({ publishesSent }) => publishesSent],
  ["$SYS/broker/publish/messages/dropped", ({ publishesDropped }) => publishesDropped],
  ["$SYS/broker/bytes/received", ({ bytesReceived }) => bytesReceived],
  ["$SYS/broker/bytes/sent", ({ bytesSent }) => bytesSent],
  ["$SYS/broker/events/dropped", ({ eventsDropped }) => eventsDropped],
];

const utf8 = new TextEncoder();

/** Publishes `$SYS/#` of each hub. */
export class SysTopics {
  readonly #deps: Deps;
  readonly #slices: FairSlices;
  readonly #publish: (hubId: string, message: Message) => void;
  readonly #stateOf: (hubId: string) => HubState;
  /** Hubs with connected clients. */
  readonly #hubs: () => Iterable<string>;
  readonly #traffic = new Map<string, Traffic>();
  /** The values published last, by hub: only changed ones are published again. */
  #published = new Map<string, string[]>();
  readonly #startedAt: number;
  #cancel: Cancel | undefined;
  #stopped = false;
  /** Sum of the deleted hubs. */
  readonly #deletedHubs: Traffic = { ...NO_TRAFFIC };

  constructor(
    deps: Deps,
    slices: FairSlices,
    publish: (hubId: string, message: Message) => void,
    hubs: () => Iterable<string>,
    stateOf: (hubId: string) => HubState,
  ) {
    this.#deps = deps;
    this.#slices = slices;
    this.#publish = publish;
    this.#hubs = hubs;
    this.#stateOf = stateOf;
    this.#startedAt = deps.clock.now();
  }

  #scheduleNext(): void {
    if (!this.#stopped) this.start();
  }

  /** Publishes changed values every ten seconds. */
  start(): void {
    const { clock } = this.#deps;
    this.#cancel = clock.at(clock.now() + INTERVAL_MS, () => {
      void this.#publishChanged().finally(() => this.#scheduleNext());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** A hub's counters, for the caller to add to. They outlast its connections. */
  traffic(hubId: string): Traffic {
    let traffic = this.#traffic.get(hubId);
    if (!traffic) {
      traffic = { ...NO_TRAFFIC };
      this.#traffic.set(hubId, traffic);
    }
    return traffic;
  }

  /** The sum of all hubs, deleted ones included. */
  total(): Traffic {
    const total = { ...this.#deletedHubs };
    for (const traffic of this.#traffic.values()) add(total, traffic);
    return total;
  }

  /** Forgets a deleted hub; `total` keeps its counters. */
  forget(hubId: string): void {
    add(this.#deletedHubs, this.#traffic.get(hubId) ?? NO_TRAFFIC);
    this.#traffic.delete(hubId);
    this.#published.delete(hubId);
  }

  /** The messages sent at once to a new subscriber of a filter (without `$share/name/`), as if they were retained. */
  retained(hubId: string, filter: string): Message[] {
    if (!filter.startsWith("$SYS/")) return [];
    const figures = this.#figuresOf(hubId);
    return TOPICS.filter(([topic]) => matches(filter, topic)).map(([topic, figureOf]) =>
      this.#messageOf(topic, String(figureOf(figures)), true),
    );
  }

  /** Publishes hub by hub, in slices: a server may have thousands. */
  #publishChanged(): Promise<unknown> {
    const hubIds = [...this.#hubs()];
    const before = this.#published;
    this.#published = new Map();
    return this.#slices.run({ account: "system", member: "sys" }, (isOver) => {
      for (let hubId = hubIds.pop(); hubId !== undefined; hubId = hubIds.pop()) {
        this.#publishChangedOf(hubId, before.get(hubId));
        if (hubIds.length > 0 && isOver()) return UNFINISHED;
      }
      return null;
    });
  }

  #publishChangedOf(hubId: string, last: string[] | undefined): void {
    const figures = this.#figuresOf(hubId);
    const values = TOPICS.map(([, figureOf]) => String(figureOf(figures)));
    this.#published.set(hubId, values);
    for (const [index, [topic]] of TOPICS.entries()) {
      const value = values[index] as string;
      if (value !== last?.[index]) this.#publish(hubId, this.#messageOf(topic, value, false));
    }
  }

  #figuresOf(hubId: string): Figures {
    const uptimeSeconds = Math.floor((this.#deps.clock.now() - this.#startedAt) / 1000);
    return { ...(this.#traffic.get(hubId) ?? NO_TRAFFIC), ...this.#stateOf(hubId), uptimeSeconds };
  }

  #messageOf(topic: string, value: string, retain: boolean): Message {
    const publishedAt = this.#deps.clock.now();
    return { topic, payload: utf8.encode(value), qos: 0, retain, properties: null, publishedAt, expiresAt: null };
  }
}

const NO_TRAFFIC: Readonly<Traffic> = {
  packetsReceived: 0,
  packetsSent: 0,
  publishesReceived: 0,
  publishesSent: 0,
  publishesDropped: 0,
  bytesReceived: 0,
  bytesSent: 0,
};

function add(total: Traffic, traffic: Traffic): void {
  for (const figure of Object.keys(total) as (keyof Traffic)[]) total[figure] += traffic[figure];
}
