import { z } from "zod";
import { DURATION } from "../../kernel/duration.ts";
import { writeJson } from "../../kernel/json-text.ts";
import { AnyJson, DescriptionView, dictionaryOf, TimestampView, UUID_PATTERN } from "../../kernel/schema.ts";
import { RuleText } from "../../rules/schema.ts";

// Request and response schemas of the account API (specification 2.8, 2.9).

/**
 * Matches either of the two patterns in the original's documentation (1.4). The second pattern there lacks an asterisk,
 * which is added here.
 */
const NAME = "(?=.{1,128}$)(?:[a-z_][0-9a-z_]*|_*[a-z0-9]+(?:[_-][0-9a-z]+)*)";
export const ENTRY_NAME = new RegExp(`^${NAME}$`);

/**
 * The owner's account, or an alias of it. One pattern instead of a union: the schema library builds an error for each
 * alternative that fails, even if a later one matches.
 */
export const LedgerName = z
  .string()
  .regex(new RegExp(`^(personal|owner|creator|${UUID_PATTERN})$`), "must be personal, owner, creator or an account")
  .meta({ examples: ["personal"] });

const REFERENCE_SOURCE = new RegExp(`^twin://(${UUID_PATTERN})/(${UUID_PATTERN})/(${NAME})$`);
const INCLUDE_SOURCE = new RegExp(`^twin://(${UUID_PATTERN})/(${NAME})$`);

const ReferenceSource = z
  .string()
  .regex(REFERENCE_SOURCE, "must be twin://<twin>/<account>/<entry>")
  .transform((text) => {
    const [, twinId, accountId, name] = REFERENCE_SOURCE.exec(text) as unknown as [string, string, string, string];
    return { twinId, accountId, name };
  });

const IncludeSource = z
  .string()
  .regex(INCLUDE_SOURCE, "must be twin://<twin>/<entry>")
  .transform((text) => {
    const [, twinId, name] = INCLUDE_SOURCE.exec(text) as unknown as [string, string, string];
    return { twinId, name };
  });

/** Topic templates and the rules of when to publish there. They are compiled where they are stored. */
const Publish = dictionaryOf(/^.{1,512}$/s, RuleText).transform((pairs) => Object.fromEntries(pairs));

const Reference = z.object({ source: ReferenceSource, visibility: RuleText.nullish() });

const Entry = z.object({
  value: AnyJson.optional(),
  ref: Reference.partial().nullish(),
  include: z.object({ source: IncludeSource }).nullish(),
  visibility: RuleText.nullish(),
  history: z.string().regex(DURATION, "must be a duration such as 1M, or INF").nullish(),
  timeseries: DescriptionView.nullish(),
  publish: Publish.nullish(),
});

/** Requested changes of an entry; undefined means absent. */
const toChanges = ({ value, ref, include, visibility, history, timeseries, publish }: z.output<typeof Entry>) => ({
  value,
  reference: ref ? { source: ref.source } : undefined,
  include: include ?? undefined,
  // The original's stub nests it in `ref`; both places are accepted.
  visibility: visibility === undefined ? ref?.visibility : visibility,
  history,
  publish: publish && (Object.keys(publish).length > 0 ? writeJson(publish) : null),
  tables: Object.keys(timeseries ?? {}),
});

export type EntryChanges = ReturnType<typeof toChanges>;

const NewEntry = Entry.extend({ ref: Reference.nullish() })
  .refine(
    ({ value, ref, include }) => Number(value !== undefined) + Number(Boolean(ref)) + Number(Boolean(include)) === 1,
    "must have exactly one of value, ref and include",
  )
  .meta({
    oneOf: [
      { required: ["value"] },
      { required: ["ref"], properties: { ref: { type: "object" } } },
      { required: ["include"], properties: { include: { type: "object" } } },
    ],
  })
  .transform(toChanges);

const options = {
  conditions: dictionaryOf(/^.*$/s, RuleText).nullish(),
  transaction: z.boolean().nullish(),
};

export const AddEntriesBody = z.object({ entries: dictionaryOf(ENTRY_NAME, NewEntry), ...options });
export const UpdateEntriesBody = z.object({
  entries: dictionaryOf(ENTRY_NAME, Entry.transform(toChanges)),
  ...options,
});
export const UpdateValuesBody = z.object({
  entries: dictionaryOf(ENTRY_NAME, z.object({ value: AnyJson })),
  ...options,
});
export const DeleteEntriesBody = z.object(options);

/** The options that all writing operations share. */
export type WriteOptions = { conditions: [name: string, rule: string][]; transaction: boolean };

export const writeOptions = (body: z.output<typeof DeleteEntriesBody>): WriteOptions => ({
  conditions: body.conditions ?? [],
  transaction: body.transaction ?? false,
});

const EntryTimes = {
  entry_created_ts: TimestampView,
  entry_updated_ts: TimestampView,
  value_changed_ts: TimestampView,
};

const RefusedView = z.object({ error: z.string(), detail: z.string().optional() });

const EntryView = z.object({
  value: z.unknown(),
  visibility: z.string().nullable().optional(),
  ref: z.object({ source: z.string(), status: z.string() }).optional(),
  include: z.object({ source: z.string() }).optional(),
  history: z.string().optional(),
  publish: DescriptionView.optional(),
  ...EntryTimes,
});

const times = {
  entry_created_ts: TimestampView.optional(),
  entry_updated_ts: TimestampView.optional(),
  value_changed_ts: TimestampView.optional(),
};

export const LedgerView = z.object({
  ...times,
  entries: z.record(z.string(), z.union([EntryView, RefusedView])),
});

export const LedgerValuesView = z.object({
  entries: z.record(z.string(), z.union([z.object({ value: z.unknown(), ...EntryTimes }), RefusedView])),
});

export const LedgerHistoryView = z.object({
  entries: z
    .record(z.string(), z.union([z.record(z.string(), z.unknown()), z.string()]))
    .meta({ description: "For each entry its values by the instants at which they came, newest first." }),
});
