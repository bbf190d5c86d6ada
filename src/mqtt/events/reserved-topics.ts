/** Topics that are ours: what is published there comes from the server, or asks it something. */
const RESERVED = ["$SCW/", "$SYS/", "$share/"];

/**
 * Whether a device may not publish to a topic, and leave no will on it, whatever its filters say (specification 3.6). Twin requests
 * are reserved too: they are asked for before this, and a will cannot be one, as nobody would be there to answer (3.3).
 */
export const isReserved = (topic: string, eventsTopicPrefix: string): boolean =>
  RESERVED.some((prefix) => topic.startsWith(prefix)) ||
  topic === eventsTopicPrefix ||
  topic.startsWith(`${eventsTopicPrefix}/`);
