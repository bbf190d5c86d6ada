import { countsOf } from "../../access/model/rows.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type EntryKey, ItemRefusal } from "./entry.ts";
import { countIncludes } from "./rows.ts";
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

/** In one ledger: each may read through to as much as a ledger may hold, wherever the ledger is answered or a rule looks at it. */
export const INCLUDES_MAX = 100;

/** Refuses an include too many of a ledger. What the request itself adds is counted too. */
export function roomForIncludes(reader: Reader, ledger: Pick<EntryKey, "twinId" | "accountId">) {
  let count: number | undefined;
  return (): void => {
    count ??= countIncludes(reader, ledger.twinId, ledger.accountId);
    if (count >= INCLUDES_MAX) throw new ItemRefusal("Too many includes.", `A Ledger has at most ${INCLUDES_MAX}.`);
    count++;
  };
}
