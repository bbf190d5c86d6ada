/** Topics of the server: it publishes there, or takes requests. */
const RESERVED = ["$SCW/", "$SYS/", "$share/"];

/**
 * Whether a device may not publish to a topic nor leave a will on it, whatever its filters say (specification 3.6).
 * Twin requests are reserved too: they are handled before this check, and a will cannot be one, as no connection would
 * be left to receive the answer (3.3).
 */
export const isReserved = (topic: string, eventsTopicPrefix: string): boolean =>
  RESERVED.some((prefix) => topic.startsWith(prefix)) ||
  topic === eventsTopicPrefix ||
  topic.startsWith(`${eventsTopicPrefix}/`);
