import type { Connection } from "../connections/connection.ts";
import { reportRefusal } from "../connections/report-refusal.ts";
import { subscriptionBytes } from "../connections/session.ts";
import { planLimitsOf } from "../flow/plan-limits.ts";
import { FILTER_BYTES_MAX, SUBSCRIPTIONS_PER_SESSION_MAX } from "../limits.ts";
import { CLOSING } from "../wire/closing.ts";
import type { Subscription } from "../wire/message.ts";
import { ProtocolError, REASON, type Subscribe, type TopicOptions, type Unsubscribe } from "../wire/packets.ts";
import { parseFilter } from "../wire/topics.ts";
import { sendRetained } from "./retained.ts";

/**
 * SUBSCRIBE: each filter is granted or refused separately [MQTT-3.8.4-5, MQTT-3.8.4-6]. Granted filters apply from now
 * on; the SUBACK of a stored session waits until they are stored, and retained messages follow it.
 */
export function onSubscribe(connection: Connection, packet: Subscribe): void {
  const { session } = connection.client;
  const identifier = packet.properties?.subscriptionIdentifier ?? null;
  const subscriptions = packet.subscriptions.map((options) => subscriptionOf(options, identifier));
  const asked: Asked = { filters: new Set(session.subscriptions.keys()), bytes: 0 };
  const codes = subscriptions.map((subscription) => {
    const refused = whyRefused(connection, subscription, asked);
    if (refused === undefined) note(asked, subscription.filter);
    return refused ?? subscription.qos;
  });
  const granted = subscriptions.filter((_, index) => (codes[index] as number) < 0x80);
  const isNew = granted.map(({ filter }) => !session.subscriptions.has(filter));
  for (const subscription of granted) session.subscribe(subscription);

  const answer = () => {
    connection.send({ cmd: "suback", messageId: packet.messageId, granted: codes });
    for (const [index, subscription] of granted.entries()) {
      const { retainHandling } = subscription;
      if (retainHandling === 0 || (retainHandling === 1 && isNew[index])) sendRetained(connection, subscription);
    }
  };
  if (!session.durable || session.storedId === null || granted.length === 0) {
    answer();
    return;
  }
  const saved = connection.context.sessions.saveSubscriptions(connection.client.actor, {
    sessionId: session.storedId,
    subscriptions: granted,
  });
  connection.await(saved, answer, () => {
    for (const [index, { filter }] of granted.entries()) if (isNew[index]) session.unsubscribe(filter);
    connection.close(CLOSING.unavailable);
  });
}

/** Filters that the session has or is about to have, and the memory of the new ones. */
type Asked = { filters: Set<string>; bytes: number };

function note(asked: Asked, filter: string): void {
  if (asked.filters.has(filter)) return;
  asked.filters.add(filter);
  asked.bytes += subscriptionBytes(filter);
}

const subscriptionOf = (options: TopicOptions, subscriptionIdentifier: number | null): Subscription => ({
  filter: options.topic,
  qos: options.qos,
  noLocal: options.nl ?? false,
  retainAsPublished: options.rap ?? false,
  retainHandling: options.rh ?? 0,
  subscriptionIdentifier,
});

/** Returns the reason code of a refusal, undefined if the subscription is granted. */
function whyRefused(connection: Connection, { filter, qos, noLocal }: Subscription, asked: Asked) {
  const { client, context } = connection;
  const parsed = parseFilter(filter);
  if (!parsed) return REASON.topicFilterInvalid;
  // Well-formed, but not allowed (3.9.3).
  if (filter.length > FILTER_BYTES_MAX || Buffer.byteLength(filter) > FILTER_BYTES_MAX) {
    reportRefusal(connection, `topic filter of more than ${FILTER_BYTES_MAX} bytes`);
    return REASON.topicFilterInvalid;
  }
  if (parsed.share !== null && noLocal) {
    throw new ProtocolError(REASON.protocolError, "a shared subscription with no local", "MQTT-3.8.3-4");
  }
  if (!client.access.maySubscribe(filter)) {
    reportRefusal(connection, `unauthorized topic ${filter}`);
    return REASON.notAuthorized;
  }
  const ofPlan = planLimitsOf(client.hub.info, context.deps.config.mqttPlanLimits)?.refusesSubscription(qos);
  if (ofPlan) {
    reportRefusal(connection, ofPlan);
    return REASON.notAuthorized;
  }
  if (asked.filters.has(filter)) return undefined;
  if (asked.filters.size >= SUBSCRIPTIONS_PER_SESSION_MAX) {
    reportRefusal(connection, "too many subscriptions");
    return REASON.quotaExceeded;
  }
  if (!client.hub.memory.hasRoom("subscriptions", asked.bytes + subscriptionBytes(filter))) {
    reportRefusal(connection, "the account has no memory for another subscription");
    return REASON.quotaExceeded;
  }
  return undefined;
}

/**
 * UNSUBSCRIBE: filters are compared character by character [MQTT-3.10.4-1]; messages in flight are completed
 * [MQTT-3.10.4-3].
 */
export function onUnsubscribe(connection: Connection, { messageId, unsubscriptions }: Unsubscribe): void {
  const { session } = connection.client;
  const granted = unsubscriptions.map((filter) =>
    session.unsubscribe(filter) ? REASON.success : REASON.noSubscriptionExisted,
  );
  const answer = () => connection.send({ cmd: "unsuback", messageId, granted });
  if (!session.durable || session.storedId === null) {
    answer();
    return;
  }
  const deleted = connection.context.sessions.deleteSubscriptions(connection.client.actor, {
    sessionId: session.storedId,
    filters: unsubscriptions,
  });
  connection.await(deleted, answer, () => connection.close(CLOSING.unavailable));
}
