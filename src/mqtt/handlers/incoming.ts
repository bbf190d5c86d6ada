import { acknowledgePublish, type PublishDecision } from "../connections/acknowledging.ts";
import type { Connection } from "../connections/connection.ts";
import { forwardedProperties } from "../connections/forwarded-properties.ts";
import { reportRefusal } from "../connections/report-refusal.ts";
import { isReserved } from "../events/reserved-topics.ts";
import { planLimitsOf } from "../flow/plan-limits.ts";
import { RECEIVE_MAXIMUM, UNRELEASED_MAX } from "../limits.ts";
import { CLOSING, unauthorisedClosing } from "../wire/closing.ts";
import type { Message } from "../wire/message.ts";
import { ProtocolError, type Publish, REASON, type ReasonCode } from "../wire/packets.ts";
import { publish, type RoutedPublish } from "./publishing.ts";

/** A PUBLISH from a client: a request about its twin, a message for its hub, or a refused topic. */
export function onPublish(connection: Connection, packet: Publish): void {
  connection.client.hub.traffic.publishesReceived++;
  const taken = take(connection, packet);
  if (taken) acknowledgePublish(connection, packet, taken);
}

/** Undefined if the connection was closed. */
function take(connection: Connection, packet: Publish): PublishDecision | undefined {
  const { client } = connection;
  const topic = client.aliases.resolve(packet);
  if (client.rate && !client.rate.take(connection.context.deps.clock.now())) {
    connection.close(CLOSING.tooFast);
    return undefined;
  }
  // A duplicate whose acknowledgement the client has not received; it is published once [MQTT-4.3.3-10].
  if (packet.qos === 2 && client.session.received.has(packet.messageId as number))
    return { reasonCode: REASON.success };
  if (packet.qos > 0) checkReceiveMaximum(connection);
  const ofPlan = planLimitsOf(client.hub.info, connection.context.deps.config.mqttPlanLimits)?.refusesPublish(packet);
  if (ofPlan) {
    // A QoS 2 publish cannot be acknowledged truthfully (specification 5.3).
    reportRefusal(connection, ofPlan);
    connection.close(unauthorisedClosing(ofPlan));
    return undefined;
  }
  if (!client.access.mayPublish(topic)) return refused(connection, topic);
  const asked = client.twin.handle(packet.topic === topic ? packet : { ...packet, topic });
  if (asked) return consume(connection, packet, asked);
  if (isReserved(topic, client.hub.info.eventsTopicPrefix)) return refused(connection, topic);
  return publishToHub(connection, packet, topic);
}

/**
 * The message is dropped, and the connection stays (specification 4.4); only MQTT 5 has a reason code for it, older
 * clients receive an ordinary acknowledgement.
 */
function refused(connection: Connection, topic: string): PublishDecision {
  reportRefusal(connection, `unauthorized topic ${topic}`);
  return { reasonCode: REASON.notAuthorized };
}

/** An MQTT 5 client received the receive maximum [MQTT-3.3.4-9]; older ones are merely not read further. */
function checkReceiveMaximum({ client }: Connection): void {
  if (client.level < 5) {
    if (client.session.received.size < UNRELEASED_MAX) return;
    throw new ProtocolError(REASON.quotaExceeded, "too many QoS 2 publishes that are not released", "4.13");
  }
  if (client.unacknowledged + client.session.received.size < RECEIVE_MAXIMUM) return;
  throw new ProtocolError(REASON.receiveMaximumExceeded, "more publishes than the receive maximum", "MQTT-3.3.4-9");
}

/**
 * A request about the twin: no other client receives it, and it is acknowledged once its effect is stored and the
 * answer sent.
 */
function consume(connection: Connection, packet: Publish, asked: Promise<ReasonCode>): PublishDecision {
  const { session } = connection.client;
  if (packet.qos !== 2) return { reasonCode: REASON.success, work: asked };
  const packetId = packet.messageId as number;
  session.received.add(packetId);
  const remembered = async (reasonCode: ReasonCode) => {
    if (reasonCode < REASON.unspecified && session.durable && session.storedId !== null) {
      const { hub, storedId: sessionId } = session;
      const asked = { hubId: hub.id, message: NOTHING, recipients: [], retain: false };
      await connection.context.sessions.publish(connection.client.actor, {
        ...asked,
        receivedFrom: { sessionId, packetId },
      });
    }
    return reasonCode;
  };
  return { reasonCode: REASON.success, work: asked.then(remembered) };
}

function publishToHub(connection: Connection, packet: Publish, topic: string): PublishDecision {
  const { client, context } = connection;
  const { hub, session } = client;
  const isKept = packet.qos === 2 && session.durable && session.storedId !== null;
  if (packet.qos === 2) session.received.add(packet.messageId as number);
  const published = publish(context, {
    hub,
    message: messageOf(packet, topic, context.deps.clock.now()),
    by: client.actor,
    from: session,
    receivedFrom: isKept ? { sessionId: session.storedId as number, packetId: packet.messageId as number } : null,
  });
  const storing = ({ matched, stored }: RoutedPublish): PublishDecision => {
    const reasonCode = matched > 0 ? REASON.success : REASON.noMatchingSubscribers;
    if (!stored) return { reasonCode };
    const work = stored.then(({ retainedRefused }) => {
      if (!retainedRefused) return reasonCode;
      reportRefusal(connection, `no room to retain a message on ${topic}`);
      return REASON.quotaExceeded;
    });
    return { reasonCode, work };
  };
  if (!("later" in published)) return storing(published);
  const work = published.later.then((delivered) => {
    const taken = storing(delivered);
    return taken.work ?? taken.reasonCode;
  });
  return { reasonCode: REASON.success, work };
}

/** A message without recipients: only its packet identifier is stored. */
const NOTHING: Message = {
  topic: "",
  payload: new Uint8Array(),
  qos: 2,
  retain: false,
  properties: null,
  publishedAt: 0,
  expiresAt: null,
};

/** Copied if it is kept beyond this turn: the payload is a view of the received bytes. */
function messageOf({ payload, qos, retain, properties }: Publish, topic: string, now: number): Message {
  const expiryS = properties?.messageExpiryInterval;
  return {
    topic,
    payload: qos > 0 || retain ? payload.slice() : payload,
    qos,
    retain,
    properties: forwardedProperties(properties),
    publishedAt: now,
    expiresAt: expiryS === undefined ? null : now + expiryS * 1000,
  };
}
