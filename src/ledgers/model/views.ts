import { type JsonText, withRawJson, writeJson, writeObject } from "../../kernel/json-text.ts";
import { toSeconds } from "../../kernel/schema.ts";
import { type Entry, isRefused, type Outcomes } from "./entry.ts";
import type { HistoryRecord } from "./recent-records.ts";

// Responses of the account API (specification 2.8, 2.9). Values keep the text in which they are stored.

/** The response of every ledger operation: each entry or its error, and the latest of their instants. */
export function viewLedger(own: boolean, outcomes: Outcomes<Entry>) {
  const done = outcomes.flatMap(([, outcome]) => (isRefused(outcome) ? [] : [outcome as Entry]));
  const latest = (of: (entry: Entry) => number) => toSeconds(done.reduce((max, entry) => Math.max(max, of(entry)), 0));
  return withRawJson(
    done.length === 0
      ? {}
      : {
          entry_created_ts: latest(({ createdAt }) => createdAt),
          entry_updated_ts: latest(({ updatedAt }) => updatedAt),
          value_changed_ts: latest(({ valueChangedAt }) => valueChangedAt),
        },
    { entries: membersOf(outcomes, (entry) => viewEntry(entry, own)) },
  );
}

/** Values and instants only. */
export const viewLedgerValues = (outcomes: Outcomes<Entry>) =>
  withRawJson({}, { entries: membersOf(outcomes, (entry) => withRawJson(times(entry), { value: entry.value })) });

/** Records keyed by instant. For an entry that is not visible, a sentence instead of an object. */
export const viewLedgerHistory = (entries: [name: string, records: HistoryRecord[] | null][]) =>
  withRawJson(
    {},
    {
      entries: writeObject(
        entries.map(([name, records]) => [
          name,
          records === null
            ? writeJson("Entry not accessible.")
            : writeObject(records.map(({ changedAt, value }) => [instantKey(changedAt), value])),
        ]),
      ),
    },
  );

/** Leaves out of another account's entry what only its owner may read. */
function viewEntry(entry: Entry, own: boolean) {
  const { source, reference } = entry;
  return withRawJson(
    {
      ...(own && { visibility: entry.visibility }),
      ...(source &&
        reference && {
          ref: { source: `twin://${source.twinId}/${source.accountId}/${source.name}`, status: reference.status },
        }),
      ...(source && !reference && { include: { source: `twin://${source.twinId}/${source.name}` } }),
      ...(own && entry.history !== null && { history: entry.history }),
      ...times(entry),
    },
    { value: entry.value, publish: own && entry.publish !== null ? entry.publish : undefined },
  );
}

const times = (entry: Entry) => ({
  entry_created_ts: toSeconds(entry.createdAt),
  entry_updated_ts: toSeconds(entry.updatedAt),
  value_changed_ts: toSeconds(entry.valueChangedAt),
});

const membersOf = (outcomes: Outcomes<Entry>, view: (entry: Entry) => unknown): JsonText =>
  writeObject(
    outcomes.map(([name, outcome]) => [name, writeJson(isRefused(outcome) ? outcome : view(outcome as Entry))]),
  );

/** In Python's format: `1763994100.5`, and `1763990500.0` for a whole second. */
function instantKey(instant: number): string {
  const seconds = String(toSeconds(instant));
  return seconds.includes(".") ? seconds : `${seconds}.0`;
}
