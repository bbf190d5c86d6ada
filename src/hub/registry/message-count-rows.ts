import { integer, type Reader, type Tx } from "../../store/sqlite/sql.ts";

type Counted = { subjectId: string; scale: string; bucketAt: number; messages: number; devices: number };

/** Adds counts to a bucket. Returns true if the bucket did not exist before. */
export function addToBucket(tx: Tx, { subjectId, scale, bucketAt, messages, devices }: Counted): boolean {
  const added = tx.run(
    "UPDATE message_counts SET messages = messages + ?, devices = devices + ? WHERE subject_id = ? AND scale = ? AND bucket_at = ?",
    messages,
    devices,
    subjectId,
    scale,
    bucketAt,
  );
  if (added > 0) return false;
  tx.run(
    "INSERT INTO message_counts (subject_id, scale, bucket_at, messages, devices) VALUES (?, ?, ?, ?, ?)",
    subjectId,
    scale,
    bucketAt,
    messages,
    devices,
  );
  return true;
}

export function deleteBucketsBefore(tx: Tx, subjectId: string, scale: string, bucketAt: number): void {
  tx.run("DELETE FROM message_counts WHERE subject_id = ? AND scale = ? AND bucket_at < ?", subjectId, scale, bucketAt);
}

export const listBuckets = (reader: Reader, subjectId: string, scale: string, from: number) =>
  reader
    .all(
      "SELECT bucket_at, messages, devices FROM message_counts WHERE subject_id = ? AND scale = ? AND bucket_at >= ?",
      subjectId,
      scale,
      from,
    )
    .map((row) => ({
      bucketAt: integer(row, "bucket_at"),
      messages: integer(row, "messages"),
      devices: integer(row, "devices"),
    }));

export function deleteCounts(tx: Tx, subjectId: string): void {
  tx.run("DELETE FROM message_counts WHERE subject_id = ?", subjectId);
}
