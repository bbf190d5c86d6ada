// Limits for what the store keeps for MQTT, so that no device can fill it for the others.

/**
 * Messages of a session from its oldest unacknowledged one on. The newest are dropped, so that a returning client finds
 * no gap in what it receives.
 */
export const STORED_QUEUE_MESSAGES_MAX = 10_000;
/** Bytes of a session's stored queue: sixteen of the largest messages. */
export const STORED_QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** Retained messages, queues and wills of a hub together (specification 5.5). */
export const HUB_BYTES_MAX = 140 * 1024 * 1024;
/** Retained messages of a hub. A subscriber to `#` is sent all of them. */
export const RETAINED_MESSAGES_MAX = 100_000;
export const SUBSCRIPTIONS_MAX = 1_000;
/** Stored sessions of a device. Without this limit a device could create a session with each new client identifier. */
export const SESSIONS_PER_DEVICE_MAX = 100;

/** Cost of a row in addition to its texts and bytes. */
export const ROW_OVERHEAD_BYTES = 100;
/**
 * A message up to this size is copied into each of its queues: that costs less than a row of its own, and the row fits
 * into a quarter of a page.
 */
export const INLINE_BYTES_MAX = 800;
/**
 * Queued bytes of a session are charged to its hub once they reach this much, so the hub's count is too low by less
 * than this for each session.
 */
export const CHARGE_BYTES = 4096;
