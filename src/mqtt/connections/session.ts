import { LEVEL_BYTES, SESSION_BYTES, SUBSCRIPTION_BYTES } from "../limits.ts";
import type { Subscription } from "../wire/message.ts";
import type { QoS } from "../wire/packets.ts";
import { isShared, levelsOf, matches } from "../wire/topics.ts";
import type { Connection } from "./connection.ts";
import type { HubSpace } from "./hub-space.ts";
import type { QueuePositions } from "./stored-queue.ts";

/** What a subscription takes of memory: each level is a node of the tree, unless another filter has it already. */
export const subscriptionBytes = (filter: string): number =>
  SUBSCRIPTION_BYTES + filter.length + LEVEL_BYTES * levelsOf(filter);

type SessionIdentity = { hub: HubSpace; deviceId: string; clientId: string };

/** What outlives a packet: subscriptions and unfinished QoS 2 exchanges of one client. The store has the truth of what outlives a connection. */
export class Session {
  readonly hub: HubSpace;
  /** What it is found by in its hub. */
  readonly key: string;
  readonly deviceId: string;
  /** Its row in the store, if it has one. */
  storedId: number | null = null;
  /** Whether its messages are queued in the store; one that is stored for its will alone does not outlive its connection. */
  durable = false;
  expiryIntervalS = 0;
  /** The connection that serves it now, once it may be sent to. */
  connection: Connection | null = null;
  readonly subscriptions = new Map<string, Subscription>();
  /** Identifiers of QoS 2 publishes that the client has not released yet [MQTT-4.3.3-10]. */
  received = new Set<number>();
  /** When a shared subscription last chose it; a count, not an instant. */
  sharedTurn = 0;
  /** The last message that was routed to it; finds overlapping subscriptions. */
  routeMark = 0;
  #isForgotten = false;

  constructor({ hub, deviceId, clientId }: SessionIdentity) {
    this.hub = hub;
    this.key = Session.keyOf(deviceId, clientId);
    this.deviceId = deviceId;
    hub.memory.add("sessions", SESSION_BYTES);
  }

  /** Client identifiers are a device's own: no other device of its hub takes its sessions. */
  static keyOf(deviceId: string, clientId: string): string {
    return `${deviceId}/${clientId}`;
  }

  subscribe(subscription: Subscription): void {
    if (!this.subscriptions.has(subscription.filter)) this.#count(subscription.filter, 1);
    this.subscriptions.set(subscription.filter, subscription);
    this.hub.tree.set(subscription.filter, this, subscription);
  }

  unsubscribe(filter: string): boolean {
    if (!this.subscriptions.delete(filter)) return false;
    this.hub.tree.delete(filter, this);
    this.#count(filter, -1);
    return true;
  }

  unsubscribeAll(): void {
    this.hub.tree.deleteAll(this);
    for (const filter of this.subscriptions.keys()) this.#count(filter, -1);
    this.subscriptions.clear();
  }

  /** Nothing finds it any more. */
  forget(): void {
    this.unsubscribeAll();
    if (!this.#isForgotten) this.hub.memory.add("sessions", -SESSION_BYTES);
    this.#isForgotten = true;
    if (this.hub.sessions.get(this.key) === this) this.hub.sessions.delete(this.key);
  }

  #count(filter: string, sign: 1 | -1): void {
    this.hub.memory.add("subscriptions", sign * subscriptionBytes(filter));
  }

  /** The highest QoS granted by a subscription, shared ones aside, that matches the topic. */
  grantedQos(topic: string): QoS | undefined {
    let granted: QoS | undefined;
    for (const { filter, qos } of this.subscriptions.values()) {
      if (granted !== undefined && qos <= granted) continue;
      if (!isShared(filter) && matches(filter, topic)) granted = qos;
    }
    return granted;
  }
}

/** A session that a client was given. */
export type ClaimedSession = {
  session: Session;
  /** The client goes on where it left [MQTT-3.2.2-2, MQTT-3.2.2-3]. */
  present: boolean;
  /** Where its stored queue begins, if it has one. */
  queue: QueuePositions | null;
};
