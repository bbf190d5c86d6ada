import { expect } from "bun:test";
import { compareReferences, untilCopied } from "./compare-references.ts";
import { JournalAudit, openBeside } from "./journal-audit.ts";

/** A journal that has been read and compared to its end, beside the server. */
export function auditOf(dataDir: string, journal = new JournalAudit()) {
  const database = openBeside(dataDir);
  try {
    // One snapshot: a job may write meanwhile.
    database.run("BEGIN");
    const entries = journal.follow(database);
    journal.compare(database);
    database.run("COMMIT");
    return { journal, entries };
  } finally {
    database.close();
  }
}

/** The file is whole, as the database itself tells. */
export function auditFile(dataDir: string): void {
  const database = openBeside(dataDir);
  try {
    expect(database.get("SELECT integrity_check FROM pragma_integrity_check")?.["integrity_check"]).toBe("ok");
    expect(database.all("SELECT * FROM pragma_foreign_key_check")).toEqual([]);
  } finally {
    database.close();
  }
}

/** The job goes on where a crash has cut it off, until every reference is as its source is. */
export async function auditReferences(dataDir: string) {
  await untilCopied(() => openBeside(dataDir));
  const database = openBeside(dataDir);
  try {
    return compareReferences(database);
  } finally {
    database.close();
  }
}
