import { countsOf } from "../../access/model/rows.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type EntryKey, ItemRefusal } from "./entry.ts";
import { countIncludes } from "./rows.ts";
import { countReferencesTo } from "./source-rows.ts";

/** Per account: each is copied when its source changes. */
export const REFERENCES_MAX = 100_000;
/** Per account and source: all are copied on one change. */
export const REFERENCES_TO_ENTRY_MAX = 10_000;

/**
 * Refuses a reference beyond an account's limit. References added by the same request count; `added` says whether one
 * is new to the account.
 */
export function referenceQuota(reader: Reader, accountId: string) {
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

/** Per ledger: each may resolve to as much as a ledger holds, in every answer and every rule that reads the ledger. */
export const INCLUDES_MAX = 100;

/** Refuses an include beyond a ledger's limit. Includes added by the same request count. */
export function includeQuota(reader: Reader, ledger: Pick<EntryKey, "twinId" | "accountId">) {
  let count: number | undefined;
  return (): void => {
    count ??= countIncludes(reader, ledger.twinId, ledger.accountId);
    if (count >= INCLUDES_MAX) throw new ItemRefusal("Too many includes.", `A Ledger has at most ${INCLUDES_MAX}.`);
    count++;
  };
}
