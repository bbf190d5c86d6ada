import type { Deps } from "../../deps.ts";
import type { ActivityBuffer } from "../../hub/admission/activity-buffer.ts";
import type { HubEvents } from "../events/hub-events.ts";
import type { SysTopics } from "../events/sys-topics.ts";
import type { FlushQueue } from "../flow/flush-queue.ts";
import type { MemoryBudget } from "../flow/memory-budget.ts";
import type { ReadScheduler } from "../flow/read-scheduler.ts";
import type { SessionStore } from "../persistence/session-store.ts";
import type { ClientPacket } from "../wire/packets.ts";
import type { Connection } from "./connection.ts";
import type { Hubs } from "./hubs.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import type { Presence } from "./presence.ts";
import type { Session } from "./session.ts";

/** How a connection leaves its session. */
export type SessionEnd = {
  will: "publish" | "discard";
  /** The newest position of its stored queue that was sent. */
  sentThrough: number | undefined;
};

/**
 * Handlers of a connection's packets. The broker passes them in, so that handlers import connections and not the
 * reverse.
 */
type Protocol = {
  /** Handles the first packet. */
  connect(connection: Connection, frame: Uint8Array): Promise<void>;
  /** Handles each packet of an open connection. */
  dispatch(connection: Connection, packet: ClientPacket): void;
  /** Ends the connection's part in its session. */
  leave(context: Context, session: Session, connection: Connection, leaving: SessionEnd): Promise<void>;
};

/** Shared by all connections of the broker. */
export type Context = {
  readonly deps: Deps;
  readonly protocol: Protocol;
  readonly hubs: Hubs;
  readonly sessions: SessionStore;
  readonly presence: Presence;
  readonly activity: ActivityBuffer;
  readonly events: HubEvents;
  readonly sys: SysTopics;
  readonly metrics: MqttMetrics;
  readonly turn: FlushQueue;
  readonly reading: ReadScheduler;
  /** Memory for connections, sessions and messages of devices; and for connections that are not authenticated yet. */
  readonly memory: MemoryBudget;
  readonly strangers: MemoryBudget;
  /** Wills that are being published. */
  readonly willsInWork: Map<number, Promise<void>>;
  onClosed(connection: Connection): void;
  /** Registers a write of an ended connection, which must be stored before the server ends. */
  leaving(stored: Promise<unknown>): void;
};
