import type { Deps } from "../../deps.ts";
import type { Cancel } from "../../kernel/clock.ts";
import { type FairSlices, UNFINISHED } from "../../kernel/fairness/fair-slices.ts";
import { VERSION } from "../../kernel/version.ts";
import type { Message } from "../wire/message.ts";
import { matches } from "../wire/topics.ts";

/** What went over a hub's connections since the server started; those who send and receive add to it. */
export type Traffic = {
  /** Packets of any type. */
  packetsReceived: number;
  packetsSent: number;
  publishesReceived: number;
  publishesSent: number;
  /** Not sent to somebody they were for: a slow or full session, a packet too large for its client, an expired message. */
  publishesDropped: number;
  bytesReceived: number;
  bytesSent: number;
};

/** How a hub stands now. */
export type HubState = {
  clientsConnected: number;
  subscriptions: number;
  retainedMessages: number;
  eventsDropped: number;
};

type Figures = Traffic & HubState & { uptimeSeconds: number };

const INTERVAL_MS = 10_000;

// The names are those of mosquitto, which dashboards know; the figures are of the subscriber's own hub.
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

/** What `$SYS/#` of each hub says. */
export class SysTopics {
  readonly #deps: Deps;
  readonly #slices: FairSlices;
  readonly #publish: (hubId: string, message: Message) => void;
  readonly #stateOf: (hubId: string) => HubState;
  /** Hubs that somebody is connected to. */
  readonly #hubs: () => Iterable<string>;
  readonly #traffic = new Map<string, Traffic>();
  /** The values that were published last, by hub: only what has changed is published again. */
  #published = new Map<string, string[]>();
  readonly #startedAt: number;
  #cancel: Cancel | undefined;
  #stopped = false;
  /** Of hubs that are gone. */
  readonly #former: Traffic = { ...NO_TRAFFIC };

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

  #goOn(): void {
    if (!this.#stopped) this.start();
  }

  /** Publishes every ten seconds what has changed. */
  start(): void {
    const { clock } = this.#deps;
    this.#cancel = clock.at(clock.now() + INTERVAL_MS, () => {
      void this.#publishChanged().finally(() => this.#goOn());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** A hub's counters, to be added to. They outlast its connections. */
  traffic(hubId: string): Traffic {
    let traffic = this.#traffic.get(hubId);
    if (!traffic) {
      traffic = { ...NO_TRAFFIC };
      this.#traffic.set(hubId, traffic);
    }
    return traffic;
  }

  /** Of all hubs, those included that are gone. */
  total(): Traffic {
    const total = { ...this.#former };
    for (const traffic of this.#traffic.values()) add(total, traffic);
    return total;
  }

  /** Forgets a hub that is gone. */
  forget(hubId: string): void {
    add(this.#former, this.#traffic.get(hubId) ?? NO_TRAFFIC);
    this.#traffic.delete(hubId);
    this.#published.delete(hubId);
  }

  /** What somebody is told at once who subscribes to a filter (without `$share/name/`), as if it were retained. */
  retained(hubId: string, filter: string): Message[] {
    if (!filter.startsWith("$SYS/")) return [];
    const figures = this.#figuresOf(hubId);
    return TOPICS.filter(([topic]) => matches(filter, topic)).map(([topic, figureOf]) =>
      this.#messageOf(topic, String(figureOf(figures)), true),
    );
  }

  /** Hub after hub, in slices: a server may have thousands. */
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
