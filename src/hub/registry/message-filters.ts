import { z } from "zod";
import { isTopicFilter } from "../../kernel/topic-filter.ts";
import { optionalProtobufEnum } from "./wire.ts";

// Which topics a device may publish to and subscribe to (specification 4.4).

const POLICIES = ["accept", "reject"] as const;
type Policy = (typeof POLICIES)[number];
/** `accept` allows only these topics; `reject` allows all topics but these, so an empty one allows every topic. */
export type FilterRule = { policy: Policy; topics: string[] };
export type MessageFilters = { publish: FilterRule; subscribe: FilterRule };

const everything: FilterRule = { policy: "reject", topics: [] };
export const ALLOW_ALL_TOPICS: MessageFilters = { publish: everything, subscribe: everything };

/** The limit for one rule's filters together: a list shows those of a hundred devices. */
const FILTERS_LENGTH_MAX = 16_384;

/**
 * A template, such as {{ hub.id }}. While a filter's syntax is checked, "x" replaces each; `expandFilter` checks the
 * real values.
 */
const TEMPLATE = /\{\{\s*(\w+\.\w+)\s*\}\}/g;

const TopicFilter = z
  .string()
  .min(1)
  .max(FILTERS_LENGTH_MAX)
  .refine((filter) => isTopicFilter(filter.replaceAll(TEMPLATE, "x")), "must be an MQTT topic filter");

const Rule = z
  .object({
    policy: optionalProtobufEnum(POLICIES, "unknown"),
    topics: z
      .array(TopicFilter)
      .refine(
        (topics) => topics.reduce((sum, { length }) => sum + length, 0) <= FILTERS_LENGTH_MAX,
        `must have at most ${FILTERS_LENGTH_MAX} characters together`,
      )
      .nullish(),
  })
  .transform(({ policy, topics }): FilterRule => ({ policy: policy ?? "reject", topics: topics ?? [] }));

/** A missing or null rule keeps its value, or at creation gets the default. */
export const MessageFiltersBody = z.object({ publish: Rule.nullish(), subscribe: Rule.nullish() });

const RuleView = z.object({ policy: z.enum(POLICIES), topics: z.array(z.string()) });
export const MessageFiltersView = z.object({ publish: RuleView, subscribe: RuleView });

/** The filters, with the given rules replacing their own. */
export const withRules = (filters: MessageFilters, given: z.output<typeof MessageFiltersBody> | undefined) => ({
  publish: given?.publish ?? filters.publish,
  subscribe: given?.subscribe ?? filters.subscribe,
});

type TemplateNames = { hub: { id: string; name: string }; device: { id: string; name: string } };

/**
 * Replaces an entry's templates: `{{ hub.name }}`, `{{ hub.id }}`, `{{ device.name }}`, `{{ device.id }}`. Returns
 * undefined for an entry with another template, or one whose value adds a wildcard or a level: such an entry is
 * ignored.
 */
export function expandFilter(entry: string, { hub, device }: TemplateNames): string | undefined {
  const values = new Map([
    ["hub.id", hub.id],
    ["hub.name", hub.name],
    ["device.id", device.id],
    ["device.name", device.name],
  ]);
  let sound = true;
  const expanded = entry.replaceAll(TEMPLATE, (_, name: string) => {
    const value = values.get(name);
    sound &&= value !== undefined && !/[+#/\0]/.test(value);
    return value ?? "";
  });
  return sound && !/\{\{|\}\}/.test(expanded) ? expanded : undefined;
}
