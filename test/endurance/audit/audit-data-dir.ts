import { expect } from "bun:test";
import { compareReferences, untilCopied } from "./compare-references.ts";
import { JournalAudit, openBeside } from "./journal-audit.ts";

/** Follows the whole journal beside the server and compares it with the tables. */
export function auditOf(dataDir: string, journal = new JournalAudit()) {
  const database = openBeside(dataDir);
  try {
    // One snapshot, because a job may write meanwhile.
    database.run("BEGIN");
    const entries = journal.follow(database);
    journal.compare(database);
    database.run("COMMIT");
    return { journal, entries };
  } finally {
    database.close();
  }
}

/** The file is intact, by the database's own checks. */
export function auditFile(dataDir: string): void {
  const database = openBeside(dataDir);
  try {
    expect(database.get("SELECT integrity_check FROM pragma_integrity_check")?.["integrity_check"]).toBe("ok");
    expect(database.all("SELECT * FROM pragma_foreign_key_check")).toEqual([]);
  } finally {
    database.close();
  }
}

/** Continues the job where a crash interrupted it, until every reference equals its source. */
export async function auditReferences(dataDir: string) {
  await untilCopied(() => openBeside(dataDir));
  const database = openBeside(dataDir);
  try {
    return compareReferences(database);
  } finally {
    database.close();
  }
}
