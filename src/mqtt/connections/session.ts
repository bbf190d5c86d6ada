import { LEVEL_BYTES, SESSION_BYTES, SUBSCRIPTION_BYTES } from "../limits.ts";
import type { Subscription } from "../wire/message.ts";
import type { QoS } from "../wire/packets.ts";
import { isShared, levelsOf, matches } from "../wire/topics.ts";
import type { Connection } from "./connection.ts";
import type { HubNamespace } from "./hub-namespace.ts";
import type { QueuePositions } from "./stored-queue.ts";

/** Memory of a subscription: each level is a node of the tree, unless another filter shares it. */
export const subscriptionBytes = (filter: string): number =>
  SUBSCRIPTION_BYTES + filter.length + LEVEL_BYTES * levelsOf(filter);

type SessionIdentity = { hub: HubNamespace; deviceId: string; clientId: string };

/**
 * What outlives a packet: subscriptions and unfinished QoS 2 exchanges of one client. For sessions that outlive their
 * connection, the store is authoritative.
 */
export class Session {
  readonly hub: HubNamespace;
  /** Its key in the hub. */
  readonly key: string;
  readonly deviceId: string;
  /** Its row in the store, if it has one. */
  storedId: number | null = null;
  /**
   * Whether its messages are queued in the store; a session stored only for its will does not outlive its connection.
   */
  durable = false;
  expiryIntervalS = 0;
  /** The connection that serves it now, once messages may be sent to it. */
  connection: Connection | null = null;
  readonly subscriptions = new Map<string, Subscription>();
  /** Packet identifiers of QoS 2 publishes that the client has not released yet [MQTT-4.3.3-10]. */
  received = new Set<number>();
  /** When it was last chosen for a shared subscription; a count, not an instant. */
  sharedTurn = 0;
  /** The last message routed to it; finds overlapping subscriptions. */
  routeMark = 0;
  #isForgotten = false;

  constructor({ hub, deviceId, clientId }: SessionIdentity) {
    this.hub = hub;
    this.key = Session.keyOf(deviceId, clientId);
    this.deviceId = deviceId;
    hub.memory.add("sessions", SESSION_BYTES);
  }

  /** Client identifiers are separate for each device: no other device of the hub can take over its sessions. */
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

  /** Removes the session from its hub. */
  forget(): void {
    this.unsubscribeAll();
    if (!this.#isForgotten) this.hub.memory.add("sessions", -SESSION_BYTES);
    this.#isForgotten = true;
    if (this.hub.sessions.get(this.key) === this) this.hub.sessions.delete(this.key);
  }

  #count(filter: string, sign: 1 | -1): void {
    this.hub.memory.add("subscriptions", sign * subscriptionBytes(filter));
  }

  /** The highest granted QoS of the matching subscriptions, except shared ones. */
  grantedQos(topic: string): QoS | undefined {
    let granted: QoS | undefined;
    for (const { filter, qos } of this.subscriptions.values()) {
      if (granted !== undefined && qos <= granted) continue;
      if (!isShared(filter) && matches(filter, topic)) granted = qos;
    }
    return granted;
  }
}

/** The session opened for a client. */
export type ClaimedSession = {
  session: Session;
  /** A stored session was resumed [MQTT-3.2.2-2, MQTT-3.2.2-3]. */
  present: boolean;
  /** Where its stored queue begins, if it has one. */
  queue: QueuePositions | null;
};
