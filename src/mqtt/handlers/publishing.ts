import { loadHub } from "../../hub/registry/lookups.ts";
import type { DeviceActor } from "../../kernel/actor.ts";
import { describeError } from "../../kernel/failure.ts";
import type { Context } from "../connections/context.ts";
import type { HubNamespace } from "../connections/hub-namespace.ts";
import { type Routed, Routing, type StoredDelivery } from "../connections/routing.ts";
import type { Session } from "../connections/session.ts";
import type { StoredPublish } from "../persistence/publish-message.ts";
import { hubActor } from "../persistence/session-store.ts";
import type { WillDue } from "../persistence/will.ts";
import { hasWill } from "../persistence/will-rows.ts";
import type { Message } from "../wire/message.ts";

type Publication = {
  hub: HubNamespace;
  message: Message;
  /** The publisher: the device, or the hub itself. */
  by: DeviceActor;
  /** The session that it came from, null for the server itself. */
  from: Session | null;
  /** For a QoS 2 publish of a stored session: the packet identifier to store [MQTT-4.3.3-10]. */
  receivedFrom: { sessionId: number; packetId: number } | null;
  /** The stored will that is published. */
  will?: number;
};

export type RoutedPublish = {
  matched: number;
  /** Resolves when everything that must survive is stored; null if nothing must. */
  stored: Promise<StoredPublish> | null;
};

/**
 * Maximum number of recipients to which a message is delivered at once. With more, it is delivered in slices, and later
 * messages of its hub after it.
 */
const AT_ONCE_MAX = 256;

const never = () => false;

/**
 * Publishes a message in its hub. Recipients that need no store have been sent it when this returns, unless they are
 * very many: then `later` resolves when they have. Stored sessions receive it in the order of the commits, and later
 * subscribers find a retained message.
 */
export function publish(context: Context, publication: Publication): RoutedPublish | { later: Promise<RoutedPublish> } {
  const { hub, message, from } = publication;
  const { clock } = context.deps;
  const routing = hub.fanOut.isBusy ? undefined : new Routing(hub, message, from, clock.now());
  if (routing && routing.size <= AT_ONCE_MAX) {
    routing.go(never);
    return store(context, publication, routing.routed);
  }
  const kept = { ...publication, message: { ...message, payload: message.payload.slice() } };
  let begun = routing && new Routing(hub, kept.message, from, clock.now());
  const { promise, resolve } = Promise.withResolvers<RoutedPublish>();
  hub.fanOut.add(context.reading.slices, { account: hub.info.accountId, member: hub.id }, (isOver) => {
    begun ??= new Routing(hub, kept.message, from, clock.now());
    if (!begun.go(isOver)) return false;
    resolve(store(context, kept, begun.routed));
    return true;
  });
  if (message.retain) hub.retaining(promise.then(({ stored }) => stored));
  return { later: promise };
}

/**
 * Stores what must survive a restart: the message in the queues of stored sessions, the retained message, the receipt
 * of a QoS 2 publish, and that the will was published.
 */
function store(context: Context, { hub, message, by, receivedFrom, will }: Publication, routed: Routed): RoutedPublish {
  const { matched } = routed;
  if (routed.stored.length === 0 && !message.retain && !receivedFrom && will === undefined) {
    return { matched, stored: null };
  }
  const asked = { hubId: hub.id, message, retain: message.retain, receivedFrom, will: will ?? null };
  const parts = partsOf(routed.stored);
  const last = parts.pop() ?? [];
  // All parts are queued at once, so that no other command comes between them; the last one also stores the receipt and
  // the retained message.
  const before = parts.map((part) => write(context, by, { ...asked, ...NOTHING_MORE, part, routed }));
  const ending = write(context, by, { ...asked, part: last, routed });
  const outcome = before.length === 0 ? ending : Promise.all([ending, ...before]).then(([ended]) => ended);
  if (message.retain) hub.retaining(outcome);
  return { matched, stored: outcome };
}

const NOTHING_MORE = { retain: false, receivedFrom: null, will: null };

/** Recipients per command, so that others' commands do not wait longer. */
const PART = 100;

function partsOf(deliveries: readonly StoredDelivery[]): StoredDelivery[][] {
  const parts: StoredDelivery[][] = [];
  for (let at = 0; at < deliveries.length; at += PART) parts.push(deliveries.slice(at, at + PART));
  return parts;
}

type Part = Omit<Parameters<Context["sessions"]["publish"]>[1], "recipients"> & {
  part: StoredDelivery[];
  routed: Routed;
};

async function write(context: Context, by: DeviceActor, { part, routed, ...asked }: Part): Promise<StoredPublish> {
  const recipients = part.map(({ session, qos, retain, subscriptionIdentifiers }) => ({
    sessionId: session.storedId as number,
    qos: qos as 1 | 2,
    retain,
    subscriptionIdentifiers: subscriptionIdentifiers ?? [],
  }));
  const outcome = await context.sessions.publish(by, { ...asked, recipients });
  notifyQueued({ stored: part, envelope: routed.envelope }, outcome);
  return outcome;
}

/** The outcome of a message, even if it is delivered later. */
export async function stored(published: ReturnType<typeof publish>): Promise<StoredPublish | null> {
  return ("later" in published ? await published.later : published).stored;
}

/** Passes a message that is now in the queues of stored sessions to their open connections. */
export function notifyQueued(
  { stored, envelope }: Pick<Routed, "stored" | "envelope">,
  { positions }: StoredPublish,
): void {
  for (const [index, { session, ...how }] of stored.entries()) {
    const position = positions[index] ?? null;
    if (position === null) session.hub.traffic.publishesDropped++;
    else session.connection?.outbound.deliverStored({ ...how, position, envelope });
  }
}

/**
 * Publishes a due will exactly once, even if several callers find it; all of them wait for that. Rejects if it cannot
 * be stored now, and the job retries it.
 */
export function onWill(context: Context, due: WillDue): Promise<void> {
  const { willsInWork } = context;
  const known = willsInWork.get(due.will);
  if (known) return known;
  const work = publishOnce(context, due).finally(() => willsInWork.delete(due.will));
  willsInWork.set(due.will, work);
  return work;
}

async function publishOnce(context: Context, { will, hubId, message }: WillDue): Promise<void> {
  const { deps, hubs } = context;
  if (!deps.store.read((reader) => hasWill(reader, will))) return;
  const hub = hubs.find(hubId) ?? hubs.add(deps.store.read((reader) => loadHub(reader, hubId)));
  if (!hub) return;
  await stored(publish(context, { hub, message, by: hubActor(hub.info), from: null, receivedFrom: null, will }));
}

export const publishWill = (context: Context, due: WillDue): Promise<void> =>
  onWill(context, due).catch((error) =>
    context.deps.log.warn("mqtt.will_not_published", { device: due.deviceId, error: describeError(error) }),
  );
