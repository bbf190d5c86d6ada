import { Envelope } from "./envelope.ts";
import type { HubSpace } from "./hub-space.ts";
import type { Message, Subscription } from "./message.ts";
import type { QoS } from "./packets.ts";
import type { Session } from "./session.ts";
import { chooseMember } from "./shares.ts";

/** How one session gets a message. */
type Delivery = { qos: QoS; retain: boolean; subscriptionIdentifiers: number[] | null };

/** A session that gets its copy from the store, because it outlives its connection. */
export type StoredDelivery = Delivery & { session: Session };

export type Routed = {
  /** Sessions that got the message or will; 0 tells the publisher that nobody listens (0x10). */
  matched: number;
  stored: StoredDelivery[];
  envelope: Envelope;
};

let routeCount = 0;

/**
 * Hands a message to everybody in the hub who is connected and needs no store for it, and answers who is to get it through the
 * store. A client whose subscriptions overlap gets one copy, with the highest QoS and all their identifiers [MQTT-3.3.4-2, MQTT-3.3.4-3].
 */
export function route(hub: HubSpace, message: Message, from: Session | null, now: number): Routed {
  const routed: Routed = { matched: 0, stored: [], envelope: new Envelope(message, now) };
  const { direct, shared } = hub.tree.match(message.topic);
  const mark = ++routeCount;
  let overlapping = false;
  for (const { subscriber } of direct) {
    if (subscriber.routeMark === mark) overlapping = true;
    subscriber.routeMark = mark;
  }
  if (overlapping) deliverMerged(routed, direct, from);
  else
    for (const { subscriber, subscription } of direct) {
      if (!isOwn(subscription, subscriber, from)) deliver(routed, subscriber, deliveryOf(message, subscription));
    }
  for (const { members } of shared) {
    const chosen = chooseMember(members, message.topic);
    if (chosen) deliver(routed, chosen.subscriber, deliveryOf(message, chosen.subscription));
  }
  return routed;
}

type Match = { subscriber: Session; subscription: Subscription };

function deliverMerged(routed: Routed, direct: readonly Match[], from: Session | null): void {
  const { message } = routed.envelope;
  const deliveries = new Map<Session, Delivery>();
  for (const { subscriber, subscription } of direct) {
    if (isOwn(subscription, subscriber, from)) continue;
    const delivery = deliveryOf(message, subscription);
    const other = deliveries.get(subscriber);
    deliveries.set(subscriber, other ? merged(other, delivery) : delivery);
  }
  for (const [subscriber, delivery] of deliveries) deliver(routed, subscriber, delivery);
}

/** No local: what a client publishes does not come back to it [MQTT-3.8.3-3]. */
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
    connection.deliver(envelope, delivery.qos, delivery.retain, delivery.subscriptionIdentifiers);
    routed.matched++;
  }
}
