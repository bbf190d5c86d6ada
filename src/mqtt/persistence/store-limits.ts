// What the store keeps for MQTT is bounded, so that no device can fill it for the others.

/** Messages from the oldest unacknowledged one of a session on. The newest are dropped: a client that comes back finds no gap in what it gets. */
export const STORED_QUEUE_MESSAGES_MAX = 10_000;
/** The same in bytes: sixteen of the largest messages. */
export const STORED_QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** Retained messages, queues and wills of a hub together (specification 5.5). */
export const HUB_BYTES_MAX = 140 * 1024 * 1024;
/** Whoever subscribes to `#` is sent all of them. */
export const RETAINED_MESSAGES_MAX = 100_000;
export const SUBSCRIPTIONS_MAX = 1_000;
/** A device with many connections could make a session with each new client identifier. */
export const SESSIONS_PER_DEVICE_MAX = 100;

/** What a row costs beside its texts and bytes. */
export const ROW_BYTES = 100;
/** A message up to here is written into each of its queues: that is cheaper than a row of its own, and a row fits into a quarter of a page. */
export const INLINE_BYTES_MAX = 800;
/** A session's small messages are charged to its hub by so much at a time: the hub's count is that much too low for each session at most. */
export const CHARGE_BYTES = 4096;
