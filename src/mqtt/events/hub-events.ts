import type { Deps } from "../../deps.ts";
import { writeJson } from "../../kernel/json-text.ts";
import { TokenBucket } from "../../kernel/token-bucket.ts";
import type { Message } from "../wire/message.ts";

/** An event of a hub (specification 4.7). */
export type HubEvent = {
  severity: "error" | "warn" | "info" | "debug";
  objectType: "device" | "hub";
  /** Null if it is unknown. */
  objectId: string | null;
  msg: string;
  /** The packet that caused it: `headerText`. */
  packet?: string;
  /** Name of a device that was provisioned automatically. */
  objectName?: string;
  /** `address:port` of such a device. */
  sourceAddress?: string;
  /** The connection that caused it had authenticated as the device, or as one of the hub's. */
  proved?: boolean;
};

export type EventSettings = { disableEvents: boolean; eventsTopicPrefix: string };

/**
 * Rate of a hub's events: a client that is refused ten thousand times a second must not cause as many messages for each
 * subscriber to events. A client that knows only the id of a device can cause events without authenticating; these are
 * limited to half, so that refusals of authenticated devices are still reported.
 */
const ALL = { burst: 100, perSecond: 20 };
const UNPROVED = { burst: 50, perSecond: 10 };
/** Some texts contain a topic, which a client chose; an event's text is cut at this length. */
const MSG_LENGTH_MAX = 1024;

/** What a hub may publish still, of all events and of those that were not proved. */
type Budget = { all: TokenBucket; unproved: TokenBucket };

const utf8 = new TextEncoder();

/** Publishes the events of each hub on that hub. */
export class HubEvents {
  readonly #deps: Deps;
  readonly #publish: (hubId: string, message: Message) => void;
  readonly #hubOf: (hubId: string) => EventSettings | undefined;
  readonly #budgets = new Map<string, Budget>();
  readonly #dropped = new Map<string, number>();
  /** Guards against recursion: publishing an event must not emit another. */
  #publishing = false;

  constructor(
    deps: Deps,
    publish: (hubId: string, message: Message) => void,
    hubOf: (hubId: string) => EventSettings | undefined,
  ) {
    this.#deps = deps;
    this.#publish = publish;
    this.#hubOf = hubOf;
  }

  /** Publishes an event at QoS 0, not retained, unless the hub has events disabled or is over its rate. */
  emit(hubId: string, event: HubEvent): void {
    const settings = this.#hubOf(hubId);
    if (!settings || settings.disableEvents || this.#publishing) return;
    if (!this.#admit(hubId, event.proved === true)) {
      this.#dropped.set(hubId, this.dropped(hubId) + 1);
      return;
    }
    this.#publishing = true;
    try {
      this.#publish(hubId, this.#messageOf(event, settings));
    } finally {
      this.#publishing = false;
    }
  }

  /** The number of a hub's events that were not published because of the rate limit. */
  dropped(hubId: string): number {
    return this.#dropped.get(hubId) ?? 0;
  }

  /** Forgets a deleted hub. */
  forget(hubId: string): void {
    this.#budgets.delete(hubId);
    this.#dropped.delete(hubId);
  }

  #admit(hubId: string, proved: boolean): boolean {
    const now = this.#deps.clock.now();
    const { all, unproved } = this.#budgets.get(hubId) ?? this.#budget(hubId, now);
    if (!all.has(now) || !(proved || unproved.has(now))) return false;
    all.spend();
    if (!proved) unproved.spend();
    return true;
  }

  #budget(hubId: string, now: number): Budget {
    const budget = { all: new TokenBucket(ALL, now), unproved: new TokenBucket(UNPROVED, now) };
    this.#budgets.set(hubId, budget);
    return budget;
  }

  #messageOf(event: HubEvent, { eventsTopicPrefix }: EventSettings): Message {
    const { severity, objectType, objectId, packet, objectName, sourceAddress } = event;
    const now = this.#deps.clock.now();
    const id = objectId ?? "unknown";
    const text = writeJson({
      time: secondsOf(now),
      severity,
      "object-type": objectType,
      "object-id": id,
      ...(objectName !== undefined && { "object-name": objectName }),
      ...(sourceAddress !== undefined && { "source-address": sourceAddress }),
      msg: event.msg.slice(0, MSG_LENGTH_MAX).toWellFormed(),
      ...(packet !== undefined && { packet }),
    });
    return {
      topic: `${eventsTopicPrefix}/${severity}/${objectType}/${id}`,
      payload: utf8.encode(text),
      qos: 0,
      retain: false,
      properties: null,
      publishedAt: now,
      expiresAt: null,
    };
  }
}

/** `2020-01-17T15:01:29Z`. */
const secondsOf = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;
