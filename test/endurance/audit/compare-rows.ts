import { expect } from "bun:test";
import type { Row } from "../../../src/store/sqlite/sql.ts";

/**
 * Compares rows with those of the journal by `id`. There are very many: only the first that differs is passed to
 * `expect`, which shows the difference.
 */
export function compareAll<Told>(
  rows: Row[],
  told: ReadonlyMap<string, Told>,
  found: (row: Row, told: Told | undefined) => Told,
): void {
  expect(rows.length).toBe(told.size);
  for (const row of rows) {
    const expected = told.get(row["id"] as string);
    const actual = found(row, expected);
    if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected as never);
  }
}
