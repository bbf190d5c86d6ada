import type { Deps } from "../deps.ts";
import type { ActivityLog } from "../hub/activity-log.ts";
import type { Connection } from "./connection.ts";
import type { HubEvents } from "./hub-events.ts";
import type { Hubs } from "./hubs.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import type { Presence } from "./presence.ts";
import type { Reading } from "./reading.ts";
import type { SessionStore } from "./session-store.ts";
import type { SysTopics } from "./sys-topics.ts";
import type { Turn } from "./turn.ts";

/** What all connections of the broker share. */
export type Context = {
  readonly deps: Deps;
  readonly hubs: Hubs;
  readonly sessions: SessionStore;
  readonly presence: Presence;
  readonly activity: ActivityLog;
  readonly events: HubEvents;
  readonly sys: SysTopics;
  readonly metrics: MqttMetrics;
  readonly turn: Turn;
  readonly reading: Reading;
  /** What devices' connections, sessions and messages may take; and what those may of whom it is not known whose they are. */
  readonly memory: MemoryBudget;
  readonly strangers: MemoryBudget;
  /** Wills that are being published. */
  readonly willsInWork: Map<number, Promise<void>>;
  onClosed(connection: Connection): void;
  /** Something of a connection that has ended is to be stored before the server ends too. */
  leaving(stored: Promise<unknown>): void;
};
