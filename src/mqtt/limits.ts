// What a connection, a session or a hub may take at most, and why. What operators set is in config.ts.

/** A connection that has not sent its CONNECT by then is closed [MQTT-3.1.4-1 leaves "a reasonable time" to us]. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** A connection is closed after this many keep alive intervals without a packet [MQTT-3.1.2-22]. */
export const KEEP_ALIVE_FACTOR = 1.5;

/** A session that nobody comes back for ends, also one that would never expire by the standards; MQTT 5 is told so [MQTT-3.2.2-21]. */
export const SESSION_EXPIRY_MAX_S = 90 * 86_400;
export const SUBSCRIPTIONS_PER_SESSION_MAX = 1_000;

/** QoS 1 and 2 publishes of one client that may be unacknowledged; it is told so in MQTT 5. */
export const RECEIVE_MAXIMUM = 1_000;
/** QoS 1 and 2 messages in flight to one client, if it allows as many; MQTT 3 clients cannot say. */
export const IN_FLIGHT_MAX = 1_000;
/** Topic aliases in either direction: each holds a topic name. */
export const TOPIC_ALIAS_MAXIMUM = 32;

/** Requests of one connection that are in work; it is not read any further meanwhile, and what it sends waits in its socket. */
export const IN_WORK_MAX = 32;
export const IN_WORK_RESUME = 16;
/** What arrived on a connection that is not read further, where the transport cannot hold it back; more ends it. Beside one whole packet. */
export const HELD_BYTES_MAX = 1024 * 1024;

/** Bytes on their way to one client: above it, QoS 0 messages to it are dropped, and QoS 1 and 2 wait in its queue. */
export const SEND_BYTES_MAX = 1024 * 1024;
/** Below this no client is disconnected for what it has not read yet, whatever its account has of memory. */
export const SEND_BYTES_LEAST = 64 * 1024;
/** Above this the client is disconnected: it does not read its acknowledgements either. Beside one whole packet. */
export const SEND_BYTES_HARD_MAX = 8 * 1024 * 1024;

/** A client that has so much to read, and takes nothing of it for so long, is disconnected. */
export const STALLED_MAX_MS = 30_000;

/** QoS 1 and 2 messages that wait for a client of a clean session; the newest are dropped beyond. Stored sessions have their own bounds in the store. */
export const CLEAN_QUEUED_MESSAGES_MAX = 10_000;
export const CLEAN_QUEUED_BYTES_MAX = 16 * 1024 * 1024;
/** What waits in the memory of all clean sessions of a hub (specification 5.5), where its account has as much. */
export const HUB_QUEUED_BYTES_MAX = 140 * 1024 * 1024;

/** Of what one connection holds, so much is not counted: it is a part of what connections take, which are counted themselves. */
export const UNCOUNTED_BYTES = 4096;

/** Where the account has no memory for a message that waits for its client, it is looked at again after this. */
export const ROOM_RETRY_MS = 250;

/** Longer topic filters are refused, as other brokers do; names to publish to may be as long as the wire allows. */
export const FILTER_BYTES_MAX = 4096;
/** What a subscription takes of memory: measured, with one to 128 levels, on Bun 1.4.5. */
export const SUBSCRIPTION_BYTES = 700;
export const LEVEL_BYTES = 350;
/** What a session takes beside its subscriptions and its connection. */
export const SESSION_BYTES = 1024;
/** What a message that waits takes beside its topic, payload and properties. */
export const QUEUED_MESSAGE_BYTES = 256;

/** QoS 2 publishes of an MQTT 3 client, which cannot be told a receive maximum, that it has not released. */
export const UNRELEASED_MAX = 4096;

/** Retained messages that are read at once for a subscription; the next ones are when its client has read these. */
export const RETAINED_PAGE_BYTES = 64 * 1024;
/** Subscriptions of a client whose retained messages wait for it to read. */
export const BACKLOG_MAX = 1_000;

/** Stored messages read ahead for one client. */
export const REFILL_MESSAGES = 100;
/** And no more of them than this, but for one that is larger. */
export const REFILL_BYTES = 256 * 1024;
export const READY_BYTES_MAX = 1024 * 1024;
