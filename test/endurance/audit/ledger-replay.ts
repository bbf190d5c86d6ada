import { expect } from "bun:test";
import type { Connection } from "../../../src/store/sqlite/connection.ts";
import type { Row } from "../../../src/store/sqlite/sql.ts";
import { LEDGER_RECORDS } from "../../support/world/ledger-records.ts";
import { compareAll } from "./compare-rows.ts";
import type { Entry as JournalEntry } from "./journal-audit.ts";

type Source = { twinId: string; accountId: string; name: string };

/** What the journal rows of an entry say, and also its table. */
type Entry = {
  accountId: string;
  type: string;
  value: unknown;
  visibility: string | null;
  history: string | null;
  source: Source | null;
  status: string | null;
  recordCount: number;
  createdAt: number;
  updatedAt: number;
  valueChangedAt: number;
};

type Kept = { entry: Entry; records: string[]; lastKey: string };

/** A change of one entry in the journal; properties only if they changed. */
type Change = Partial<Pick<Entry, "type" | "visibility" | "history" | "source" | "status">> & {
  changed_ts: number;
  new_value: unknown;
  old_value: unknown;
};

const RECORDS_MAX = 1000;

/** Rebuilds ledgers and their history from the journal and compares them with their tables. */
export class LedgerReplay {
  /** By twin and name: only one account has ledgers here. */
  readonly #ledgers = new Map<string, Map<string, Kept>>();
  /** References copied by the job. */
  copied = 0;

  find(twinId: string, name: string): { value: unknown; lastKey: string; recordCount: number } | undefined {
    const kept = this.#ledgers.get(twinId)?.get(name);
    return kept && { ...kept.entry, lastKey: kept.lastKey };
  }

  valuesOf = (twinId: string) =>
    [...(this.#ledgers.get(twinId) ?? [])].map(([name, { entry }]) => [name, entry.value] as const);

  apply(row: JournalEntry, key: string): void {
    if (row.actorId === null) this.copied++;
    const ledger = this.#ledgers.get(String(row.twinId)) ?? new Map<string, Kept>();
    this.#ledgers.set(String(row.twinId), ledger);
    for (const [name, change] of Object.entries(row.data.entries as Record<string, Change>)) {
      const known = ledger.get(name);
      const where = `${row.kind} of ${row.twinId} ${name} at ${row.sequence}`;
      if ((row.kind === "ledger.entry.added") !== (known === undefined))
        throw new Error(`${where}: added once, and first`);
      const before = JSON.stringify(known?.entry.value ?? null);
      if (JSON.stringify(change.old_value) !== before) throw new Error(`${where}: it was ${before}`);
      if (row.kind === "ledger.entry.deleted") ledger.delete(name);
      else ledger.set(name, known ? updated(known, change, row, key) : added(change, row, key));
    }
  }

  /** Tables and journal agree; and, independently of the journal, so do an entry and its history. */
  compare(database: Connection): void {
    const rows = database.all("SELECT twin_id || ' ' || name AS id, * FROM ledger_entries");
    const kept = new Map(
      [...this.#ledgers].flatMap(([twinId, ledger]) => [...ledger].map(([name, kept]) => [`${twinId} ${name}`, kept])),
    );
    compareAll(rows, new Map([...kept].map(([id, { entry }]) => [id, entry])), entryOf);
    const records = Map.groupBy(
      database.all(
        `SELECT twin_id || ' ' || name AS id, changed_at, value FROM ${LEDGER_RECORDS} ORDER BY twin_id, account_id, name, changed_at`,
      ),
      (row) => row["id"] as string,
    );
    for (const row of rows) {
      const id = row["id"] as string;
      const told = kept.get(id)?.records ?? [];
      const found = records.get(id) ?? [];
      if (found.length !== row["record_count"] || found.length > 0 !== (row["history"] !== null)) {
        throw new Error(`${id} with history ${row["history"]} counts ${row["record_count"]}, and has ${found.length}`);
      }
      // A few more are kept, until the records in the entry's own row are moved.
      const texts = found.slice(-RECORDS_MAX).map(recordOf);
      if (texts.join() !== told.join()) expect(texts).toEqual(told);
      const newest = found.at(-1);
      if (newest && (newest["value"] !== row["value"] || newest["changed_at"] !== row["value_changed_at"])) {
        throw new Error(`${id} is ${row["value"]}, and in its history ${newest["value"]}`);
      }
      records.delete(id);
    }
    expect([...records.keys()]).toEqual([]);
  }
}

const instant = (seconds: number) => Math.round(seconds * 1000);
const recordText = (at: number, value: unknown) => `${at} ${JSON.stringify(value)}`;
const recordOf = (row: Row) => recordText(row["changed_at"] as number, JSON.parse(row["value"] as string));

function added(change: Change, { at, accountId }: JournalEntry, lastKey: string): Kept {
  const { type = "value", visibility = null, history = null, source = null, status = null } = change;
  const valueChangedAt = instant(change.changed_ts);
  const records = history === null ? [] : [recordText(valueChangedAt, change.new_value)];
  const times = { createdAt: at, updatedAt: at, valueChangedAt };
  const recordCount = records.length;
  const entry = {
    accountId,
    type,
    value: change.new_value,
    visibility,
    history,
    source,
    status,
    recordCount,
    ...times,
  };
  return { entry, records, lastKey };
}

function updated({ entry, records }: Kept, change: Change, { at }: JournalEntry, lastKey: string): Kept {
  const { new_value, changed_ts, visibility, history, source, status } = change;
  const valueChangedAt = instant(changed_ts);
  const after = {
    ...entry,
    value: new_value,
    valueChangedAt,
    ...(visibility !== undefined && { visibility }),
    ...(history !== undefined && { history }),
    ...(source !== undefined && { source }),
    ...(status !== undefined && { status }),
  };
  const isPropertyNew = visibility !== undefined || history !== undefined || source !== undefined;
  if (isPropertyNew) after.updatedAt = at;
  const isRecordNew = valueChangedAt !== entry.valueChangedAt || entry.history === null;
  const kept =
    after.history === null ? [] : isRecordNew ? [...records, recordText(valueChangedAt, new_value)] : records;
  if (kept.length > RECORDS_MAX) kept.shift();
  return { entry: { ...after, recordCount: kept.length }, records: kept, lastKey };
}

const entryOf = (row: Row): Entry => ({
  accountId: row["account_id"] as string,
  type: row["type"] as string,
  value: JSON.parse(row["value"] as string),
  visibility: row["visibility"] as string | null,
  history: row["history"] as string | null,
  source:
    row["source_twin"] === null
      ? null
      : {
          twinId: row["source_twin"] as string,
          accountId: row["source_account"] as string,
          name: row["source_name"] as string,
        },
  status: row["status"] as string | null,
  recordCount: Math.min(row["record_count"] as number, RECORDS_MAX),
  createdAt: row["created_at"] as number,
  updatedAt: row["updated_at"] as number,
  valueChangedAt: row["value_changed_at"] as number,
});
