import type { Connection } from "./connection.ts";
import type { HubSpace } from "./hub-space.ts";
import type { Subscription } from "./message.ts";
import type { QoS } from "./packets.ts";
import { isShared, matches } from "./topics.ts";

export type SessionIdentity = { hub: HubSpace; deviceId: string; clientId: string };

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

  constructor({ hub, deviceId, clientId }: SessionIdentity) {
    this.hub = hub;
    this.key = Session.keyOf(deviceId, clientId);
    this.deviceId = deviceId;
  }

  /** Client identifiers are a device's own: no other device of its hub takes its sessions. */
  static keyOf(deviceId: string, clientId: string): string {
    return `${deviceId}/${clientId}`;
  }

  subscribe(subscription: Subscription): void {
    this.subscriptions.set(subscription.filter, subscription);
    this.hub.tree.set(subscription.filter, this, subscription);
  }

  unsubscribe(filter: string): boolean {
    this.hub.tree.delete(filter, this);
    return this.subscriptions.delete(filter);
  }

  unsubscribeAll(): void {
    this.hub.tree.deleteAll(this);
    this.subscriptions.clear();
  }

  /** Nothing finds it any more. */
  forget(): void {
    this.unsubscribeAll();
    if (this.hub.sessions.get(this.key) === this) this.hub.sessions.delete(this.key);
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
