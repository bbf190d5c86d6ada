import type { Connection } from "../../../src/store/sqlite/connection.ts";
import type { Row } from "../../../src/store/sqlite/sql.ts";

/** References of references are followed this far (specification 2.8). */
const HOPS_MAX = 8;
const SETTLED_WITHIN_MS = 10_000;

/** Waits until the server's job has no reference left to copy. */
export async function untilCopied(open: () => Connection): Promise<void> {
  const deadline = Date.now() + SETTLED_WITHIN_MS;
  const database = open();
  try {
    for (;;) {
      const waiting = database.get(
        `SELECT (SELECT count(*) FROM changed_sources) + (SELECT count(*) FROM reference_walks)
           + (SELECT count(*) FROM pending_references) AS count`,
      )?.["count"];
      if (waiting === 0) return;
      if (Date.now() > deadline) throw new Error(`${waiting} references and sources are still waiting`);
      await Bun.sleep(5);
    }
  } finally {
    database.close();
  }
}

/**
 * Every reference equals the value found by following its sources. Returns how many there are, and how many have a
 * value.
 */
export function compareReferences(database: Connection): { count: number; ok: number } {
  const rows = database.all(
    "SELECT twin_id, account_id, name, type, value, status, source_twin, source_account, source_name FROM ledger_entries",
  );
  const entries = new Map(rows.map((row) => [keyOf(row, ""), row]));
  let ok = 0;
  let count = 0;
  for (const row of rows) {
    if (row["type"] !== "reference") continue;
    count++;
    const [status, value] = follow(entries, row);
    if (status === "ok") ok++;
    if (row["status"] === status && row["value"] === value) continue;
    throw new Error(`${keyOf(row, "")} is ${row["status"]} ${row["value"]}, its source ${status} ${value}`);
  }
  return { count, ok };
}

const keyOf = (row: Row, prefix: "" | "source_") =>
  prefix === ""
    ? `${row["twin_id"]} ${row["account_id"]} ${row["name"]}`
    : `${row["source_twin"]} ${row["source_account"]} ${row["source_name"]}`;

function follow(entries: ReadonlyMap<string, Row>, reference: Row): [status: string, value: unknown] {
  const seen = new Set([keyOf(reference, "")]);
  let next = reference;
  for (let hops = 1; ; hops++) {
    const key = keyOf(next, "source_");
    if (seen.has(key)) return ["loop_detected", "null"];
    if (hops > HOPS_MAX) return ["too_many_hops", "null"];
    seen.add(key);
    const source = entries.get(key);
    if (!source) return ["not_found", "null"];
    if (source["type"] === "value") return ["ok", source["value"]];
    next = source;
  }
}
