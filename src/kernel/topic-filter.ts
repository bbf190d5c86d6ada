/**
 * `#` is the last level and stands alone in it, `+` stands alone in its level [MQTT-4.7.1-1, MQTT-4.7.1-2]; no NUL
 * [MQTT-4.7.3-2].
 */
export function isTopicFilter(filter: string): boolean {
  if (filter === "" || filter.includes("\0")) return false;
  const levels = filter.split("/");
  return levels.every((level, index) => {
    if (level === "#") return index === levels.length - 1;
    return level === "+" || !/[+#]/.test(level);
  });
}
