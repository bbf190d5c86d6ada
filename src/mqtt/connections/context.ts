import type { Deps } from "../../deps.ts";
import type { ActivityLog } from "../../hub/admission/activity-log.ts";
import type { HubEvents } from "../events/hub-events.ts";
import type { SysTopics } from "../events/sys-topics.ts";
import type { MemoryBudget } from "../flow/memory-budget.ts";
import type { Reading } from "../flow/reading.ts";
import type { Turn } from "../flow/turn.ts";
import type { SessionStore } from "../persistence/session-store.ts";
import type { ClientPacket } from "../wire/packets.ts";
import type { Connection } from "./connection.ts";
import type { Hubs } from "./hubs.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import type { Presence } from "./presence.ts";
import type { Session } from "./session.ts";

/** How a connection leaves its session. */
export type Leaving = {
  will: "publish" | "discard";
  /** The newest position of its stored queue that was sent. */
  sentThrough: number | undefined;
};

/** What a connection does with what comes: the broker hands it the handlers of packets, so that they know connections and are not known to them. */
type Protocol = {
  /** Takes the first packet. */
  connect(connection: Connection, frame: Uint8Array): Promise<void>;
  /** Takes each packet of an open connection. */
  dispatch(connection: Connection, packet: ClientPacket): void;
  /** Ends what the connection had of its session. */
  leave(context: Context, session: Session, connection: Connection, leaving: Leaving): Promise<void>;
};

/** What all connections of the broker share. */
export type Context = {
  readonly deps: Deps;
  readonly protocol: Protocol;
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
