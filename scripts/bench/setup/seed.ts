import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";

// Inserts millions of twins directly into the database of a data directory that no server is using. By hand: `bun
// scripts/bench/setup/seed.ts DATA_DIR ACCOUNT_ID COUNT`, after `twinpost account create`.

const ROWS_PER_INSERT = 100;
/** The event loop has to run regularly, or the driver's memory grows (traps) and Ctrl-C is not noticed. */
const ROWS_PER_TURN = 20_000;

export const idsFileIn = (dataDir: string) => join(dataDir, "twin-ids");

/** The document of every seeded twin, whose data is its description. */
export const SEEDED_DOCUMENT = "state";

/** The entry of each twin in its owner's ledger. */
export const ENTRY_NAME = "reading";

/**
 * Adds twins of an account, each with a document and an entry with history in its owner's ledger, and writes their ids,
 * 36 bytes each, to `twin-ids` beside the database.
 */
export async function seedTwins(dataDir: string, account: string, count: number, signal?: AbortSignal): Promise<void> {
  const database = new Database(join(dataDir, "twinpost.db"));
  try {
    // The unique index on random ids touches pages everywhere: the cache keeps all of them, so that each is written
    // once.
    database.exec("PRAGMA cache_size = -2000000");
    // Writes directly to the file: an aborted seed is useless anyway. The server opens it with a log again.
    database.exec("PRAGMA journal_mode = OFF");
    // Each row refers to one inserted just before.
    database.exec("PRAGMA foreign_keys = OFF");
    database.exec("BEGIN");
    const ids = await insertTwins(database, account, count, signal);
    await insertLedgers(database, account, signal);
    // In the order of its key, so that the tree grows at its end.
    database.exec(
      `INSERT INTO documents (twin_id, name, account_id, version, sequence, updated_at, data)
       SELECT id, '${SEEDED_DOCUMENT}', owner_id, 1, 1, created_at, description FROM twins ORDER BY id`,
    );
    database.exec("COMMIT");
    database.exec("PRAGMA journal_mode = WAL");
    writeFileSync(idsFileIn(dataDir), ids.join(""));
  } finally {
    database.close();
  }
}

/** Yields to the event loop, and throws if the caller has aborted. */
async function pause(signal?: AbortSignal): Promise<void> {
  await new Promise<void>((done) => setImmediate(done));
  signal?.throwIfAborted();
}

async function insertTwins(database: Database.Database, account: string, count: number, signal?: AbortSignal) {
  const insertMany = database.prepare(insertOf(ROWS_PER_INSERT));
  const insertOne = database.prepare(insertOf(1));
  const ids: string[] = [];
  while (ids.length < count) {
    const end = Math.min(count, ids.length + ROWS_PER_TURN);
    while (ids.length < end) {
      const fits = ids.length + ROWS_PER_INSERT <= end;
      const added = Array.from({ length: fits ? ROWS_PER_INSERT : 1 }, () => randomUUID());
      (fits ? insertMany : insertOne).run(added.flatMap((id, index) => twinRow(id, account, ids.length + index)));
      ids.push(...added);
    }
    await pause(signal);
  }
  return ids;
}

const insertOf = (rows: number) =>
  `INSERT INTO twins (id, owner_id, creator_id, description, created_at, updated_at)
   VALUES ${Array(rows).fill("(?, ?, ?, ?, ?, ?)").join(", ")}`;

/** Descriptions have the size that `update_twin` writes, so that an update does not grow them. */
function twinRow(id: string, account: string, index: number): (string | number)[] {
  const createdAt = 1_700_000_000_000 + index;
  return [id, account, account, describeTwin(String(index % 1e8).padStart(8, "0")), createdAt, createdAt];
}

/**
 * In the order of their keys, so that the table grows at its end; by the first two digits of the ids, with a yield
 * after each.
 */
async function insertLedgers(database: Database.Database, account: string, signal?: AbortSignal): Promise<void> {
  const entries = database.prepare(
    `INSERT INTO ledger_entries
       (twin_id, account_id, name, type, value, history, record_count, recent, created_at, updated_at, value_changed_at)
     SELECT id, ?, ?, 'value', ?, '1M', 1, json_array(json_array(?4, json(?3))), ?4, ?4, ?4
     FROM twins WHERE id BETWEEN ?5 AND ?6 ORDER BY id`,
  );
  const now = Date.now();
  for (let digits = 0; digits < 256; digits++) {
    const first = digits.toString(16).padStart(2, "0");
    entries.run([account, ENTRY_NAME, FIRST_VALUE, now, first, `${first}g`]);
    await pause(signal);
  }
}

/** A meter reading, with the same number of digits for any eight. */
export const readingOf = (digits: string) => `4${digits}`;
const FIRST_VALUE = readingOf("00000000");

/** About 100 bytes of JSON, as a meter's description might be. */
export const describeTwin = (serial: string) =>
  `{"serial":"${serial}","model":"PM-5340","site":"Building 7, floor 3","phases":3,"tags":["meter","heating"]}`;

if (import.meta.main) {
  const [dataDir, account, count] = process.argv.slice(2);
  if (!dataDir || !account || !(Number(count) > 0)) throw new Error("usage: seed.ts DATA_DIR ACCOUNT_ID COUNT");
  await seedTwins(dataDir, account, Number(count));
}
