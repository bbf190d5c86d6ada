import type { Room } from "../room.ts";
import { addTwinLedgerEntry } from "./add-twin-ledger-entry.ts";
import { copyReferences, copyReferencesJob } from "./copy-references.ts";
import { deleteTwinLedgerEntry } from "./delete-twin-ledger-entry.ts";
import { LEDGER_TABLES } from "./model/account-rows.ts";
import { LEDGER_INVARIANTS } from "./model/invariant-rows.ts";
import { REFERENCES_TOPIC } from "./model/source-rows.ts";
import { pruneHistory, pruneHistoryJob } from "./prune-history.ts";
import { updateTwinLedgerEntry } from "./update-twin-ledger-entry.ts";
import { updateTwinLedgerEntryValue } from "./update-twin-ledger-entry-value.ts";

export const LEDGERS_ROOM = {
  commands: [
    addTwinLedgerEntry,
    copyReferences,
    deleteTwinLedgerEntry,
    pruneHistory,
    updateTwinLedgerEntryValue,
    updateTwinLedgerEntry,
  ],
  jobs: () => [copyReferencesJob(), pruneHistoryJob()],
  wakes: [REFERENCES_TOPIC],
  invariants: LEDGER_INVARIANTS,
  tables: LEDGER_TABLES,
  leftTables: {
    reference_fans: "derived from ledger entries",
  },
} satisfies Room;
