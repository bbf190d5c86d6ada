// Limits of a connection, a session and a hub, and why. Settings of operators are in config.ts.

/** A connection without a CONNECT is closed after this [MQTT-3.1.4-1 leaves "a reasonable time" to the server]. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Number of keep alive intervals without a packet after which a connection is closed [MQTT-3.1.2-22]. */
export const KEEP_ALIVE_FACTOR = 1.5;

/**
 * An abandoned session ends after this, even one that would never expire by the standards. MQTT 5 clients receive it in
 * CONNACK [MQTT-3.2.2-21].
 */
export const SESSION_EXPIRY_MAX_S = 90 * 86_400;
export const SUBSCRIPTIONS_PER_SESSION_MAX = 1_000;

/** QoS 1 and 2 publishes of one client that may be unacknowledged. MQTT 5 clients receive it in CONNACK. */
export const RECEIVE_MAXIMUM = 1_000;
/**
 * QoS 1 and 2 messages in flight to one client, unless its receive maximum is lower; MQTT 3 clients cannot send one.
 */
export const IN_FLIGHT_MAX = 1_000;
/** Topic aliases in each direction: each one keeps a topic name in memory. */
export const TOPIC_ALIAS_MAXIMUM = 32;

/**
 * Requests in progress per connection. At this limit the connection is not read, and its packets wait in its socket.
 */
export const IN_WORK_MAX = 32;
export const IN_WORK_RESUME = 16;
/**
 * Unread bytes kept for a paused connection whose transport has no backpressure, in addition to one whole packet. A
 * connection with more is closed.
 */
export const HELD_BYTES_MAX = 1024 * 1024;

/** Bytes being sent to one client. Above it, QoS 0 messages to it are dropped, and QoS 1 and 2 wait in its queue. */
export const SEND_BYTES_MAX = 1024 * 1024;
/**
 * Number of unread bytes up to which a client is never disconnected for them, even if its account has no memory left.
 */
export const SEND_BYTES_LEAST = 64 * 1024;
/**
 * Number of unread bytes, in addition to one whole packet, above which the client is disconnected: it does not even
 * read its acknowledgements.
 */
export const SEND_BYTES_HARD_MAX = 8 * 1024 * 1024;

/** Time after which a client with more than SEND_BYTES_MAX to read is disconnected if it reads none of it. */
export const STALLED_MAX_MS = 30_000;

/**
 * QoS 1 and 2 messages queued for a client of a clean session; newer ones are dropped. Stored sessions have bounds of
 * their own in the store.
 */
export const CLEAN_QUEUED_MESSAGES_MAX = 10_000;
export const CLEAN_QUEUED_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Messages queued in memory for all clean sessions of a hub (specification 5.5), if its account has that much memory.
 */
export const HUB_QUEUED_BYTES_MAX = 140 * 1024 * 1024;

/** These bytes of each connection are not counted: the fixed cost of a connection, counted elsewhere, includes them. */
export const UNCOUNTED_BYTES = 4096;

/** A queued message for which the account has no memory is tried again after this. */
export const ROOM_RETRY_MS = 250;

/** Longer topic filters are refused, as other brokers do. Topic names may be as long as the wire format allows. */
export const FILTER_BYTES_MAX = 4096;
/** Memory of a subscription: measured, with one to 128 levels, on Bun 1.4.5. */
export const SUBSCRIPTION_BYTES = 700;
export const LEVEL_BYTES = 350;
/** Memory of a session, without its subscriptions and its connection. */
export const SESSION_BYTES = 1024;
/** Memory of a queued message, without its topic, payload and properties. */
export const QUEUED_MESSAGE_BYTES = 256;

/** Unreleased QoS 2 publishes of an MQTT 3 client, to which no receive maximum can be sent. */
export const UNRELEASED_MAX = 4096;

/** Retained messages read in one step for a subscription. The next ones follow when its client has read these. */
export const RETAINED_PAGE_BYTES = 64 * 1024;
/** Subscriptions of a client whose retained messages are still to be sent. */
export const BACKLOG_MAX = 1_000;

/** Stored messages read ahead for one client. */
export const REFILL_MESSAGES = 100;
/** Bytes of stored messages read ahead for one client; a single larger message is read too. */
export const REFILL_BYTES = 256 * 1024;
export const READY_BYTES_MAX = 1024 * 1024;
