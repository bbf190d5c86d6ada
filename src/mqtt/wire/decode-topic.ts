import { refused } from "./cursor.ts";
import { ProtocolError, REASON } from "./packets.ts";
import { isTopicName, levelsOf, parseFilter, TOPIC_LEVELS_MAX } from "./topics.ts";

/** Refuses an invalid topic name, and one with too many levels. */
export function checkTopicName(topic: string): void {
  if (topic === "") throw refused("a topic name is empty", "MQTT-4.7.3-1");
  if (!isTopicName(topic)) throw refused("a topic name has wildcards", "MQTT-3.3.2-2");
  if (levelsOf(topic) > TOPIC_LEVELS_MAX) {
    throw new ProtocolError(REASON.topicNameInvalid, `a topic name has over ${TOPIC_LEVELS_MAX} levels`, "4.7.3");
  }
}

/** Refuses an invalid topic filter, and one with too many levels. Returns whether it is a shared subscription. */
export function checkTopicFilter(full: string): { shared: boolean } {
  if (full === "") throw refused("a topic filter is empty", "MQTT-4.7.3-1");
  const parsed = parseFilter(full);
  if (!parsed) {
    throw refused("a topic filter is not well-formed", full.startsWith("$share/") ? "MQTT-4.8.2-2" : "MQTT-4.7.1-1");
  }
  if (levelsOf(parsed.filter) > TOPIC_LEVELS_MAX) {
    throw new ProtocolError(REASON.topicFilterInvalid, `a topic filter has over ${TOPIC_LEVELS_MAX} levels`, "4.7.3");
  }
  return { shared: parsed.share !== null };
}
