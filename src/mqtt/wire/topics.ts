import { isTopicFilter } from "../../kernel/topic-filter.ts";

// Topic names and topic filters (4.7, 4.8.2).

/** Names and filters with more levels are refused: each level costs a node of the subscription tree. */
export const TOPIC_LEVELS_MAX = 200;

const TOPIC_BYTES_MAX = 65_535;
const SHARE = "$share/";

/**
 * A valid name to publish to: not empty, no wildcards, no NUL, well-formed, and no longer than the wire format allows
 * [MQTT-4.7.0-1, 4.7.3-1..3].
 */
export function isTopicName(name: string): boolean {
  return name !== "" && !/[#+\0]/.test(name) && name.isWellFormed() && fits(name);
}

/** Whether it fits into a packet. A UTF-16 unit has at most three bytes in UTF-8. */
const fits = (text: string) => text.length <= TOPIC_BYTES_MAX / 3 || Buffer.byteLength(text) <= TOPIC_BYTES_MAX;

export function levelsOf(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf("/"); at !== -1; at = topic.indexOf("/", at + 1)) levels++;
  return levels;
}

/**
 * Splits a filter, `$share/name/filter` into name and filter; undefined if it is invalid. With the prefix `$share/` it
 * must be a shared subscription [MQTT-4.8.2-1]: the name is one level without wildcards, the filter is not empty
 * [MQTT-4.8.2-2].
 */
export function parseFilter(filter: string): { share: string | null; filter: string } | undefined {
  if (!filter.isWellFormed() || !fits(filter) || !isTopicFilter(filter)) return undefined;
  if (!isShared(filter)) return { share: null, filter };
  const nameEnd = filter.indexOf("/", SHARE.length);
  const share = filter.slice(SHARE.length, nameEnd);
  const shared = filter.slice(nameEnd + 1);
  if (nameEnd === -1 || share === "" || /[#+]/.test(share) || shared === "") return undefined;
  return { share, filter: shared };
}

/** For valid filters only. */
export const isShared = (filter: string) => filter.startsWith(SHARE);

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;
const DOLLAR = 0x24;

/**
 * Whether a filter (without `$share/name/`) matches a topic name. A wildcard at its first level matches no `$` topic
 * [MQTT-4.7.2-1].
 */
export function matches(filter: string, topic: string): boolean {
  if (topic.charCodeAt(0) === DOLLAR && isWildcard(filter.charCodeAt(0))) return false;
  let [f, t] = [0, 0];
  for (;;) {
    if (filter.charCodeAt(f) === HASH) return true;
    if (filter.charCodeAt(f) === PLUS) {
      f++;
      while (t < topic.length && topic.charCodeAt(t) !== SLASH) t++;
    } else {
      while (f < filter.length && filter.charCodeAt(f) !== SLASH) {
        if (filter.charCodeAt(f++) !== topic.charCodeAt(t++)) return false;
      }
      if (t < topic.length && topic.charCodeAt(t) !== SLASH) return false;
    }
    // Both are at the end of a level. `a/#` matches `a` too (4.7.1.2).
    if (t >= topic.length) return f === filter.length || (f === filter.length - 2 && filter.endsWith("/#"));
    if (f === filter.length) return false;
    f++;
    t++;
  }
}

/** Whether `entry` matches every topic that `filter` matches; both without `$share/name/`. */
export function covers(entry: string, filter: string): boolean {
  if (isWildcard(entry.charCodeAt(0)) && filter.charCodeAt(0) === DOLLAR) return false;
  const entryLevels = entry.split("/");
  const filterLevels = longerSpelling(filter).split("/");
  for (const [at, level] of entryLevels.entries()) {
    if (level === "#") return true;
    const there = filterLevels[at];
    if (there === undefined || there === "#") return false;
    if (level !== "+" && level !== there) return false;
  }
  return entryLevels.length === filterLevels.length;
}

/** No topic is empty: `#` needs at least one level and `/#` at least two, so each is equivalent to its longer form. */
const longerSpelling = (filter: string) => (filter === "#" ? "+/#" : filter === "/#" ? "/+/#" : filter);

const isWildcard = (code: number) => code === HASH || code === PLUS;
