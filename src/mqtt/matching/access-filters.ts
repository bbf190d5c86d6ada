import type { Device } from "../../hub/registry/device-rows.ts";
import type { Hub } from "../../hub/registry/hub-rows.ts";
import { expandFilter, type FilterRule } from "../../hub/registry/message-filters.ts";
import { covers, matches, parseFilter } from "../wire/topics.ts";

/**
 * Where a device may publish and what it may receive (specification 4.4), by the literal topics: `$SCW/twins/me/…` is
 * one.
 */
export type AccessFilters = {
  /** Applies to the topic of a will too. */
  mayPublish(topic: string): boolean;
  /** Whether the device may subscribe to the whole of a filter, with or without `$share/name/`. */
  maySubscribe(filter: string): boolean;
  /** Checked for each delivery: a wide subscription does not deliver topics inside it that are rejected. */
  mayReceive(topic: string): boolean;
  /** Entries left out because they contain an unknown template. An `accept` rule permits that much less. */
  unparsable: string[];
};

type Named = { device: Pick<Device, "id" | "name" | "messageFilters">; hub: Pick<Hub, "id" | "name"> };

/** Compiles a device's message filters into checks for single messages. */
export function compileFilters(device: Named["device"], hub: Named["hub"]): AccessFilters {
  const { publish, subscribe } = device.messageFilters;
  const [published, brokenPublish] = expandAll(publish, { device, hub });
  const [subscribed, brokenSubscribe] = expandAll(subscribe, { device, hub });
  const mayHear = ruleOf(subscribe, subscribed);
  return {
    mayPublish: ruleOf(publish, published)((entry, topic) => matches(entry, topic)),
    maySubscribe: (filter) => mayHear((entry, wanted) => covers(entry, wanted))(parseFilter(filter)?.filter ?? filter),
    mayReceive: mayHear((entry, topic) => matches(entry, topic)),
    unparsable: [...brokenPublish, ...brokenSubscribe],
  };
}

function expandAll({ topics }: FilterRule, names: Named): [sound: string[], broken: string[]] {
  const sound: string[] = [];
  const broken: string[] = [];
  for (const entry of topics) {
    const expanded = expandFilter(entry, names);
    if (expanded === undefined) broken.push(entry);
    else sound.push(expanded);
  }
  return [sound, broken];
}

/**
 * `accept` permits what an entry matches, `reject` everything else. Most devices have no entries, so nothing is
 * matched.
 */
const ruleOf =
  ({ policy }: FilterRule, entries: string[]) =>
  (applies: (entry: string, topic: string) => boolean) => {
    if (entries.length === 0) return () => policy === "reject";
    return (topic: string) => entries.some((entry) => applies(entry, topic)) === (policy === "accept");
  };
