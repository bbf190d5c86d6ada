import type { Room } from "../room.ts";
import { MQTT_TABLES } from "./persistence/account-rows.ts";
import { acknowledge, releaseOutgoing, releaseReceivedPacketId } from "./persistence/acknowledge.ts";
import {
  dropEndedQueues,
  dropExpiredMessages,
  dropRetainedOfDeletedHubs,
  dropWill,
  expireSessions,
} from "./persistence/clear-away.ts";
import { MQTT_INVARIANTS } from "./persistence/invariant-rows.ts";
import { openSession } from "./persistence/open-session.ts";
import { publishMessage } from "./persistence/publish-message.ts";
import { QUEUES_TOPIC } from "./persistence/queue-rows.ts";
import { deleteSubscriptions, saveSubscriptions } from "./persistence/save-subscriptions.ts";
import { SESSIONS_TOPIC } from "./persistence/session-rows.ts";
import { suspendLeftConnected, suspendSession } from "./persistence/suspend-session.ts";
import { WILLS_TOPIC } from "./persistence/will-rows.ts";

/** Its jobs are not here: they belong to a broker, which passes them to the scheduler. */
export const MQTT_ROOM = {
  commands: [
    acknowledge,
    releaseOutgoing,
    releaseReceivedPacketId,
    expireSessions,
    dropEndedQueues,
    dropRetainedOfDeletedHubs,
    dropExpiredMessages,
    dropWill,
    openSession,
    publishMessage,
    saveSubscriptions,
    deleteSubscriptions,
    suspendSession,
    suspendLeftConnected,
  ],
  wakes: [SESSIONS_TOPIC, WILLS_TOPIC, QUEUES_TOPIC],
  invariants: MQTT_INVARIANTS,
  tables: MQTT_TABLES,
  leftTables: {
    mqtt_usage: "counted by the database itself",
    mqtt_sessions: "a connection's or a session's, which end where they are",
    mqtt_subscriptions: "a connection's or a session's, which end where they are",
    mqtt_received: "a connection's or a session's, which end where they are",
    mqtt_messages: "a connection's or a session's, which end where they are",
    mqtt_queue: "a connection's or a session's, which end where they are",
    mqtt_queue_ends: "a connection's or a session's, which end where they are",
    mqtt_ended_sessions: "a connection's or a session's, which end where they are",
    mqtt_wills: "a connection's or a session's, which end where they are",
  },
} satisfies Room;
