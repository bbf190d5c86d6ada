import { expect } from "bun:test";
import type { Row } from "../../../src/store/sqlite/sql.ts";

/**
 * The table's rows are those that the journal tells of, by their `id`. Very many: only one that differs is handed to `expect`, to
 * tell how.
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
