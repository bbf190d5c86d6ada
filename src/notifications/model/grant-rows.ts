import { integer, type Reader, type Tx, text } from "../../store/sqlite/sql.ts";

/** The accounts that an account grants topics to, each with its topics in the order listed. */
export function listGrants(reader: Reader, accountId: string): [granteeId: string, topics: string[]][] {
  const grants = new Map<string, string[]>();
  for (const row of reader.all(
    "SELECT grantee_id, topic FROM topic_grants WHERE account_id = ? ORDER BY grantee_id, position",
    accountId,
  )) {
    const granteeId = text(row, "grantee_id");
    grants.set(granteeId, [...(grants.get(granteeId) ?? []), text(row, "topic")]);
  }
  return [...grants];
}

/** Number of accounts with grants, apart from one. */
export function countOtherGrantees(reader: Reader, accountId: string, granteeId: string): number {
  const row = reader.get(
    "SELECT count(DISTINCT grantee_id) AS count FROM topic_grants WHERE account_id = ? AND grantee_id <> ?",
    accountId,
    granteeId,
  );
  return row ? integer(row, "count") : 0;
}

/** Whether an account may subscribe to another account's topic. */
export const isGranted = (reader: Reader, publisherId: string, topic: string, granteeId: string): boolean =>
  reader.get(
    "SELECT 1 FROM topic_grants WHERE account_id = ? AND topic = ? AND grantee_id = ?",
    publisherId,
    topic,
    granteeId,
  ) !== undefined;

export function replaceGrants(tx: Tx, accountId: string, granteeId: string, topics: readonly string[]): void {
  tx.run("DELETE FROM topic_grants WHERE account_id = ? AND grantee_id = ?", accountId, granteeId);
  for (const [position, topic] of topics.entries()) {
    tx.run(
      "INSERT INTO topic_grants (account_id, topic, grantee_id, position) VALUES (?, ?, ?, ?)",
      accountId,
      topic,
      granteeId,
      position,
    );
  }
}
