import type { Connection } from "../connections/connection.ts";
import { RETAINED_PAGE_BYTES } from "../limits.ts";
import { pageRetained } from "../persistence/retained-rows.ts";
import type { Message, Subscription } from "../wire/message.ts";
import { OutboundMessage } from "../wire/outbound-message.ts";
import type { QoS } from "../wire/packets.ts";
import { parseFilter } from "../wire/topics.ts";
import { notifyQueued } from "./publishing.ts";

type Asked = { subscription: Subscription /** Without `$share/name/`. */; filter: string };

/**
 * Sends the retained messages that match a new subscription [MQTT-3.3.1-9], page by page, as fast as the client reads
 * them. A shared subscription gets none (4.8.2). Messages already published but not stored yet are included.
 */
export function sendRetained(connection: Connection, subscription: Subscription): void {
  const parsed = parseFilter(subscription.filter);
  if (!parsed || parsed.share !== null) return;
  const asked = { subscription, filter: parsed.filter };
  const begin = () => connection.outbound.whenReading(() => sendPage(connection, asked, null));
  const stored = connection.client.hub.retained();
  if (stored) connection.await(stored, begin, begin);
  else begin();
}

/** Sends a page; the next one follows when the client has read this one, unless it has unsubscribed by then. */
function sendPage(connection: Connection, asked: Asked, after: string | null): void {
  const { client } = connection;
  const { subscription } = asked;
  if (client.session.subscriptions.get(subscription.filter) !== subscription) return;
  const { messages, next } = pageOf(connection, asked.filter, after);
  const queued: Promise<unknown>[] = [];
  for (const message of messages) {
    if (!client.access.mayReceive(message.topic)) continue;
    const stored = sendOne(connection, subscription, message);
    if (stored) queued.push(stored);
  }
  if (next === null && queued.length === 0) return;
  const goOn = () => {
    if (next !== null) connection.outbound.whenReading(() => sendPage(connection, asked, next));
  };
  // A message for which the store has no room is dropped, like later messages.
  if (queued.length > 0) connection.await(Promise.all(queued), goOn, goOn);
  else goOn();
}

function pageOf({ context, client }: Connection, filter: string, after: string | null) {
  const { id } = client.hub;
  if (filter.startsWith("$SYS/")) return { messages: context.sys.retained(id, filter), next: null };
  return context.deps.store.read((reader) =>
    pageRetained(reader, id, filter, { after, limitBytes: RETAINED_PAGE_BYTES }),
  );
}

/** Through the store if the session is stored: resolves when it is there. */
function sendOne(connection: Connection, subscription: Subscription, message: Message): Promise<unknown> | undefined {
  const { context, client } = connection;
  const { session, hub } = client;
  const { qos: granted, subscriptionIdentifier } = subscription;
  const envelope = new OutboundMessage(message, context.deps.clock.now());
  const qos = Math.min(granted, message.qos) as QoS;
  const subscriptionIdentifiers = subscriptionIdentifier === null ? [] : [subscriptionIdentifier];
  // The retain flag distinguishes it from a message published just now [MQTT-3.3.1-8].
  const how = { qos, retain: true, subscriptionIdentifiers };
  if (qos === 0 || !session.durable || session.storedId === null) {
    connection.outbound.deliverWaited(envelope, qos, true, subscriptionIdentifiers);
    return undefined;
  }
  const recipients = [{ ...how, qos, sessionId: session.storedId }];
  return context.sessions
    .publish(client.actor, { hubId: hub.id, message, recipients, retain: false, receivedFrom: null })
    .then((outcome) => notifyQueued({ stored: [{ ...how, session }], envelope }, outcome));
}
