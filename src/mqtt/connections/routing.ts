import type { MatchResult } from "../matching/subscription-tree.ts";
import type { Message, Subscription } from "../wire/message.ts";
import { OutboundMessage } from "../wire/outbound-message.ts";
import type { QoS } from "../wire/packets.ts";
import type { HubNamespace } from "./hub-namespace.ts";
import type { Session } from "./session.ts";
import { chooseMember } from "./shares.ts";

/** How a session receives a message. */
type Delivery = { qos: QoS; retain: boolean; subscriptionIdentifiers: number[] | null };

/** A session that receives its copy from the store, because it outlives its connection. */
export type StoredDelivery = Delivery & { session: Session };

export type Routed = {
  /** Sessions that the message or will was sent to; with 0 the publisher receives 0x10, no matching subscribers. */
  matched: number;
  stored: StoredDelivery[];
  envelope: OutboundMessage;
};

let routeCount = 0;

/**
 * Delivers a message to the connected sessions of a hub that need no store, and collects those that receive it through
 * the store. A client with overlapping subscriptions gets one copy, with the highest QoS and all their identifiers
 * [MQTT-3.3.4-2, MQTT-3.3.4-3].
 */
export class Routing {
  readonly routed: Routed;
  readonly #direct: readonly Match[];
  readonly #merged: [Session, Delivery][] | null;
  readonly #shared: MatchResult<Session>["shared"];
  readonly #from: Session | null;
  #done = 0;

  constructor(hub: HubNamespace, message: Message, from: Session | null, now: number) {
    this.routed = { matched: 0, stored: [], envelope: new OutboundMessage(message, now) };
    this.#from = from;
    const { direct, shared } = hub.tree.match(message.topic);
    this.#direct = direct;
    this.#shared = shared;
    this.#merged = isOverlapping(direct) ? merge(message, direct, from) : null;
  }

  /** The maximum number of deliveries. */
  get size(): number {
    return (this.#merged ?? this.#direct).length + this.#shared.length;
  }

  /** Continues until it is done or `isOver`. Returns whether it is done. */
  go(isOver: () => boolean): boolean {
    const { size } = this;
    while (this.#done < size) {
      this.#deliver(this.#done++);
      if (this.#done % LOOK_EVERY === 0 && isOver()) break;
    }
    return this.#done === size;
  }

  #deliver(at: number): void {
    const { message } = this.routed.envelope;
    const single = (this.#merged ?? this.#direct).length;
    if (at >= single) {
      const chosen = chooseMember(this.#shared[at - single]?.members ?? [], message.topic);
      if (chosen) deliver(this.routed, chosen.subscriber, deliveryOf(message, chosen.subscription));
    } else if (this.#merged) {
      const [subscriber, delivery] = this.#merged[at] as [Session, Delivery];
      deliver(this.routed, subscriber, delivery);
    } else {
      const { subscriber, subscription } = this.#direct[at] as Match;
      if (!isOwn(subscription, subscriber, this.#from))
        deliver(this.routed, subscriber, deliveryOf(message, subscription));
    }
  }
}

/** Deliveries between two looks at the clock. */
const LOOK_EVERY = 64;

type Match = { subscriber: Session; subscription: Subscription };

function isOverlapping(direct: readonly Match[]): boolean {
  const mark = ++routeCount;
  let overlapping = false;
  for (const { subscriber } of direct) {
    if (subscriber.routeMark === mark) overlapping = true;
    subscriber.routeMark = mark;
  }
  return overlapping;
}

function merge(message: Message, direct: readonly Match[], from: Session | null): [Session, Delivery][] {
  const deliveries = new Map<Session, Delivery>();
  for (const { subscriber, subscription } of direct) {
    if (isOwn(subscription, subscriber, from)) continue;
    const delivery = deliveryOf(message, subscription);
    const other = deliveries.get(subscriber);
    deliveries.set(subscriber, other ? merged(other, delivery) : delivery);
  }
  return [...deliveries];
}

/** No local: a client's own messages are not sent back to it [MQTT-3.8.3-3]. */
const isOwn = (subscription: Subscription, subscriber: Session, from: Session | null) =>
  subscription.noLocal && subscriber === from;

function deliveryOf(message: Message, subscription: Subscription): Delivery {
  const { qos, retainAsPublished, subscriptionIdentifier } = subscription;
  return {
    qos: Math.min(qos, message.qos) as QoS,
    // [MQTT-3.3.1-12, MQTT-3.3.1-13]; MQTT 3 subscriptions never ask for it (3.1.1: MQTT-3.3.1-9).
    retain: message.retain && retainAsPublished,
    subscriptionIdentifiers: subscriptionIdentifier === null ? null : [subscriptionIdentifier],
  };
}

const merged = (one: Delivery, other: Delivery): Delivery => ({
  qos: Math.max(one.qos, other.qos) as QoS,
  retain: one.retain || other.retain,
  subscriptionIdentifiers: [...(one.subscriptionIdentifiers ?? []), ...(other.subscriptionIdentifiers ?? [])],
});

function deliver(routed: Routed, session: Session, delivery: Delivery): void {
  const { connection, durable } = session;
  const { envelope } = routed;
  if (connection && !connection.mayReceive(envelope.message.topic)) return;
  if (durable && delivery.qos > 0) {
    routed.stored.push({ ...delivery, session });
    routed.matched++;
  } else if (connection) {
    connection.outbound.deliver(envelope, delivery.qos, delivery.retain, delivery.subscriptionIdentifiers);
    routed.matched++;
  }
}
