import { integer, integerOrNull, type Reader, type Tx, text, textOrNull } from "../../store/sqlite/sql.ts";
import type { AttemptError } from "./schedule.ts";

/** One HTTP try at a delivery. */
export type Attempt = {
  number: number;
  startedAt: number;
  /** Null if the server ended during the attempt. */
  durationMs: number | null;
  status: number | null;
  error: AttemptError | null;
  /** The beginning of the answer. */
  answer: string;
};

export function insertAttempt(tx: Tx, deliveryPosition: number, attempt: Attempt): void {
  tx.run(
    `INSERT INTO delivery_attempts (delivery_position, number, started_at, duration_ms, status, error, answer)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    deliveryPosition,
    attempt.number,
    attempt.startedAt,
    attempt.durationMs,
    attempt.status,
    attempt.error,
    attempt.answer,
  );
}

/** Attempts at a delivery after one, in order. */
export const listAttempts = (reader: Reader, deliveryPosition: number, after: number, limit: number): Attempt[] =>
  reader
    .all(
      `SELECT number, started_at, duration_ms, status, error, answer FROM delivery_attempts
       WHERE delivery_position = ? AND number > ? ORDER BY number LIMIT ?`,
      deliveryPosition,
      after,
      limit,
    )
    .map((row) => ({
      number: integer(row, "number"),
      startedAt: integer(row, "started_at"),
      durationMs: integerOrNull(row, "duration_ms"),
      status: integerOrNull(row, "status"),
      error: textOrNull(row, "error") as AttemptError | null,
      answer: text(row, "answer"),
    }));
