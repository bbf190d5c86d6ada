import { countsOf } from "../access/rows.ts";
import type { Reader } from "../store/sql.ts";
import { type EntryKey, ItemRefusal } from "./entry.ts";
import { countReferencesTo } from "./source-rows.ts";

/** Of one account: each is copied when its source changes, wherever it is. */
export const REFERENCES_MAX = 100_000;
/** And to one entry: so many are copied for one change. */
export const REFERENCES_TO_ENTRY_MAX = 10_000;

/** Refuses a reference too many of an account. What the request itself adds is counted too; `added` says whether the account has one more. */
export function roomForReferences(reader: Reader, accountId: string) {
  let all: number | undefined;
  const toEntry = new Map<string, number>();
  return (source: EntryKey, added: boolean): void => {
    const key = `${source.twinId} ${source.accountId} ${source.name}`;
    all ??= countsOf(reader, accountId).references;
    const to = toEntry.get(key) ?? countReferencesTo(reader, source, accountId);
    if (added && all >= REFERENCES_MAX) {
      throw new ItemRefusal("Too many references.", `An account has at most ${REFERENCES_MAX}.`);
    }
    if (to >= REFERENCES_TO_ENTRY_MAX) {
      throw new ItemRefusal("Too many references.", `An account has at most ${REFERENCES_TO_ENTRY_MAX} to one entry.`);
    }
    if (added) all++;
    toEntry.set(key, to + 1);
  };
}
