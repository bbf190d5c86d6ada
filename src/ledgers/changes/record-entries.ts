import { record } from "../../journal/record.ts";
import type { Actor } from "../../kernel/actor.ts";
import { invalid } from "../../kernel/failure.ts";
import { type JsonText, withRawJson, writeJson } from "../../kernel/json-text.ts";
import { toSeconds } from "../../kernel/schema.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { type Entry, isRefused, NULL, type Outcomes } from "../model/entry.ts";
import type { Ledger } from "../model/locate-ledger.ts";
import { ledgerBytes } from "../model/rows.ts";
import { publishEntries } from "./publish-entries.ts";

/** Specification 1.4. */
const LEDGER_BYTES_MAX = 65_536;

/** Refuses the whole request if the ledger now exceeds its limit. */
export function assertLedgerSize(tx: Tx, ledger: Ledger): void {
  if (ledgerBytes(tx, ledger.twinId, ledger.accountId) <= LEDGER_BYTES_MAX) return;
  throw invalid("too_large", `The Ledger would be larger than ${LEDGER_BYTES_MAX} bytes.`);
}

/** One entry before and after a change; a side is absent if the entry did not exist then. */
export type Change = { before?: Entry; after?: Entry };

/**
 * Writes one journal row for all changes of a request to one ledger, with the values as notifications have them and the
 * changed properties, and publishes the entries' notifications. To be called after all other writes to the ledger.
 */
export function recordEntries(
  tx: Tx,
  actor: Actor,
  what: "added" | "updated" | "deleted",
  ledger: { twinId: string; accountId: string },
  changes: readonly Change[],
): void {
  if (changes.length === 0) return;
  const entries = changes.map(({ before, after }): [string, JsonText] => [
    (after ?? before)?.name as string,
    writeJson(
      withRawJson(
        { ...propertiesOf(before, after), changed_ts: toSeconds(after?.valueChangedAt ?? tx.now) },
        { new_value: after?.value ?? NULL, old_value: before?.value ?? NULL },
      ),
    ),
  ]);
  const data = withRawJson({}, { entries: writeJson(withRawJson({}, Object.fromEntries(entries))) });
  record(tx, actor, { kind: `ledger.entry.${what}`, accountId: ledger.accountId, twinId: ledger.twinId, data });
  publishEntries(tx, actor, `ledger.entry.${what}`, ledger, changes);
}

function propertiesOf(before: Entry | undefined, after: Entry | undefined) {
  if (!after) return {};
  return {
    ...(!before && { type: after.type }),
    ...(before?.visibility !== after.visibility && { visibility: after.visibility }),
    ...(before?.history !== after.history && { history: after.history }),
    ...(before?.publish !== after.publish && { publish: after.publish && JSON.parse(after.publish) }),
    ...(after.source && JSON.stringify(before?.source) !== JSON.stringify(after.source) && { source: after.source }),
    ...(after.reference && before?.reference?.status !== after.reference.status && { status: after.reference.status }),
  };
}

/** The entries that were not refused. */
export const notRefusedOf = <Done extends object>(outcomes: Outcomes<Done>): Done[] =>
  outcomes.flatMap(([, outcome]) => (isRefused(outcome) ? [] : [outcome as Done]));
