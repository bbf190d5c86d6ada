import { type Reader, type Tx, text } from "../../store/sqlite/sql.ts";

/** Returns the id of the hub whose custom CA has this fingerprint. */
export function findHubIdByCa(reader: Reader, fingerprint: string): string | undefined {
  const row = reader.get("SELECT id FROM hubs WHERE ca_fingerprint = ? AND ca_key_sealed IS NULL", fingerprint);
  return row && text(row, "id");
}

export const hasCa = (reader: Reader, fingerprint: string): boolean =>
  reader.get("SELECT 1 FROM hubs WHERE ca_fingerprint = ?", fingerprint) !== undefined;

/**
 * Returns ids of hubs whose custom CA has this subject. If a key identifier is given, the CA must have the same one,
 * or none. Subject and key identifier are digests. The first CA of each account comes first, then the second of
 * each; within a turn the older ones come first. So no account can fill the limit with its own CAs.
 */
export function listHubIdsByCaSubject(reader: Reader, subject: string, keyId: string | null, limit: number): string[] {
  const rows =
    keyId === null
      ? reader.all(
          `SELECT id FROM hubs INDEXED BY hubs_by_ca_name WHERE ca_subject = ? ORDER BY ca_turn, rowid LIMIT ?`,
          subject,
          limit,
        )
      : reader.all(
          `SELECT id FROM (SELECT * FROM (${OF_KEY}) UNION ALL SELECT * FROM (${OF_KEY})) ORDER BY ca_turn, number LIMIT ?`,
          subject,
          keyId,
          limit,
          subject,
          "",
          limit,
          limit,
        );
  return rows.map((row) => text(row, "id"));
}

const OF_KEY = `SELECT id, ca_turn, rowid AS number FROM hubs INDEXED BY hubs_by_ca_key
  WHERE ca_subject = ? AND ca_key_id = ? ORDER BY ca_turn, rowid LIMIT ?`;

/** Stores the turn of a hub's custom CA: how many other CAs with the same subject the account has, 0 for the first. */
export function saveCaTurn(tx: Tx, hubId: string): void {
  tx.run(
    `UPDATE hubs SET ca_turn = (SELECT count(*) FROM hubs AS other WHERE other.ca_subject = hubs.ca_subject
       AND other.account_id = hubs.account_id AND other.id <> hubs.id) WHERE id = ?`,
    hubId,
  );
}

/** Some customers' CAs whose key identifier has not been stored yet. */
export const listCasWithoutKeyId = (reader: Reader, limit: number) =>
  reader
    .all("SELECT id, ca_pem FROM hubs WHERE ca_subject IS NOT NULL AND ca_key_id IS NULL LIMIT ?", limit)
    .map((row) => ({ hubId: text(row, "id"), pem: text(row, "ca_pem") }));

export function saveCaKeyId(tx: Tx, hubId: string, keyId: string): void {
  tx.run("UPDATE hubs SET ca_key_id = ? WHERE id = ?", keyId, hubId);
}

/** Returns the label under which the key of a CA that this server made for a hub is sealed. */
export const caLabel = (hubId: string) => `hub-ca ${hubId}`;
