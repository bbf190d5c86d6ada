import type { Device } from "../../hub/registry/device-rows.ts";
import type { Hub } from "../../hub/registry/hub-rows.ts";
import { expandFilter, type FilterRule } from "../../hub/registry/message-filters.ts";
import { covers, matches, parseFilter } from "../wire/topics.ts";

/** Where a device may publish and what it may hear (specification 4.4), by the topics it uses itself: `$SCW/twins/me/…` is one. */
export type AccessFilters = {
  /** Also for the topic of a will. */
  mayPublish(topic: string): boolean;
  /** Whether a filter, with or without `$share/name/`, may be subscribed to as a whole. */
  maySubscribe(filter: string): boolean;
  /** A wide subscription delivers nothing of what is kept from the device inside it. */
  mayReceive(topic: string): boolean;
  /** Entries that are left out, because a template in them means nothing. An `accept` rule permits that much less. */
  unparsable: string[];
};

type Named = { device: Pick<Device, "id" | "name" | "messageFilters">; hub: Pick<Hub, "id" | "name"> };

/** A device's message filters, ready to be asked of each message. */
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

/** `accept` permits what an entry applies to, `reject` everything else. Most devices have no entries, and are asked nothing. */
const ruleOf =
  ({ policy }: FilterRule, entries: string[]) =>
  (applies: (entry: string, topic: string) => boolean) => {
    if (entries.length === 0) return () => policy === "reject";
    return (topic: string) => entries.some((entry) => applies(entry, topic)) === (policy === "accept");
  };
