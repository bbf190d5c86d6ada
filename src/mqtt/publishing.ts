import { loadHub } from "../hub/lookups.ts";
import { describeError } from "../kernel/failure.ts";
import type { Context } from "./context.ts";
import type { HubSpace } from "./hub-space.ts";
import type { Message } from "./message.ts";
import type { Published as Outcome } from "./publish-message.ts";
import { type Routed, route } from "./routing.ts";
import type { Session } from "./session.ts";
import type { WillDue } from "./will.ts";
import { hasWill } from "./will-rows.ts";

export type Publication = {
  hub: HubSpace;
  message: Message;
  /** The session that it came from, null for the server itself. */
  from: Session | null;
  /** Of a QoS 2 publish of a stored session: the identifier that must be known to survive [MQTT-4.3.3-10]. */
  receivedFrom: { sessionId: number; packetId: number } | null;
  /** The stored will that it is. */
  will?: number;
};

export type Published = {
  matched: number;
  /** Resolves when all that must survive is stored; null if nothing must. */
  stored: Promise<Outcome> | null;
};

/**
 * Publishes a message in its hub. Whoever needs no store for it has it when this returns; stored sessions get it in the order of the
 * commits, and a retained message is there for whoever subscribes after this call.
 */
export function publish(context: Context, { hub, message, from, receivedFrom, will }: Publication): Published {
  const routed = route(hub, message, from, context.deps.clock.now());
  const { matched } = routed;
  if (routed.stored.length === 0 && !message.retain && !receivedFrom && will === undefined) {
    return { matched, stored: null };
  }
  const recipients = routed.stored.map(({ session, qos, retain, subscriptionIdentifiers }) => ({
    sessionId: session.storedId as number,
    qos: qos as 1 | 2,
    retain,
    subscriptionIdentifiers: subscriptionIdentifiers ?? [],
  }));
  const asked = { hubId: hub.id, message, recipients, retain: message.retain, receivedFrom, will: will ?? null };
  const stored = context.sessions.publish(asked).then((outcome) => {
    handOver(routed, outcome);
    return outcome;
  });
  if (message.retain) hub.retaining(stored);
  return { matched, stored };
}

/** The message is in the queues of stored sessions: those that are served now send it. */
export function handOver({ stored, envelope }: Pick<Routed, "stored" | "envelope">, { positions }: Outcome): void {
  for (const [index, { session, ...how }] of stored.entries()) {
    const position = positions[index] ?? null;
    if (position === null) session.hub.traffic.publishesDropped++;
    else session.connection?.deliverStored({ ...how, position, envelope });
  }
}

/**
 * A will is due: it is published once, whoever finds it first. What cannot be stored now is found again by the job, which is told by
 * `onWill` that rejects.
 */
export async function onWill(context: Context, { will, hubId, message }: WillDue): Promise<void> {
  const { deps, hubs, willsInWork } = context;
  if (willsInWork.has(will) || !deps.store.read((reader) => hasWill(reader, will))) return;
  const hub = hubs.find(hubId) ?? hubs.add(deps.store.read((reader) => loadHub(reader, hubId)));
  if (!hub) return;
  willsInWork.add(will);
  try {
    await publish(context, { hub, message, from: null, receivedFrom: null, will }).stored;
  } finally {
    willsInWork.delete(will);
  }
}

export const publishWill = (context: Context, due: WillDue): Promise<void> =>
  onWill(context, due).catch((error) =>
    context.deps.log.warn("mqtt.will_not_published", { device: due.deviceId, error: describeError(error) }),
  );
