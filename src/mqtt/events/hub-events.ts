import type { Deps } from "../../deps.ts";
import { writeJson } from "../../kernel/json-text.ts";
import { TokenBucket } from "../../kernel/token-bucket.ts";
import type { Message } from "../wire/message.ts";

/** What happened on a hub, as specification 4.7 has it. */
export type HubEvent = {
  severity: "error" | "warn" | "info" | "debug";
  objectType: "device" | "hub";
  /** Null if nobody knows which it was. */
  objectId: string | null;
  msg: string;
  /** The packet that caused it: `headerText`. */
  packet?: string;
  /** Of a device that was provisioned on its own. */
  objectName?: string;
  /** `address:port`, likewise. */
  sourceAddress?: string;
  /** A connection caused it that proved to be the device, or the hub's. */
  proved?: boolean;
};

export type EventSettings = { disableEvents: boolean; eventsTopicPrefix: string };

/**
 * A hub publishes so many events at once, and so many a second after that: whoever is refused ten thousand times a second must not
 * make as many messages for everybody who watches the events. Whoever knows the id of a device can cause events without proving anything: of
 * those there are half as many at most, so that what proven devices are refused is told all the same.
 */
const ALL = { burst: 100, perSecond: 20 };
const UNPROVED = { burst: 50, perSecond: 10 };
/** Some texts name a topic, which a client chose: an event about it says no more of it than this. */
const MSG_LENGTH_MAX = 1024;

/** What a hub may publish still, of all events and of those that were not proved. */
type Budget = { all: TokenBucket; unproved: TokenBucket };

const utf8 = new TextEncoder();

/** Publishes the events of hubs on the hubs themselves. */
export class HubEvents {
  readonly #deps: Deps;
  readonly #publish: (hubId: string, message: Message) => void;
  readonly #hubOf: (hubId: string) => EventSettings | undefined;
  readonly #budgets = new Map<string, Budget>();
  readonly #dropped = new Map<string, number>();
  /** An event that leads to an event would lead to a third. */
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

  /** Publishes an event at QoS 0, not retained; nothing if the hub has events disabled, or has had too many of them. */
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

  /** Events of a hub that were not published because there were too many. */
  dropped(hubId: string): number {
    return this.#dropped.get(hubId) ?? 0;
  }

  /** Forgets a hub that is gone. */
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
