import { expect } from "bun:test";
import { join } from "node:path";
import { INVARIANTS } from "../../../src/rooms.ts";
import { Connection } from "../../../src/store/sqlite/connection.ts";
import { findDamage } from "../../../src/store/sqlite/integrity.ts";
import { findViolations, type Invariant } from "../../../src/store/sqlite/invariant.ts";

/** How to break an invariant directly in the database, and the message that is then expected. */
export type Breakage = readonly [name: string, sql: string, says: RegExp];

/** What `twinpost check` would report about a data directory. */
export function problemsOf(dataDir: string, invariants: readonly Invariant[] = INVARIANTS): string[] {
  const connection = new Connection(join(dataDir, "twinpost.db"), { readonly: true });
  try {
    return [...findDamage(connection), ...findViolations(connection, invariants)];
  } finally {
    connection.close();
  }
}

/** Every invariant holds at the end of a test, whatever it has done to the data directory. */
export const expectConsistent = (dataDir: string) => expect(problemsOf(dataDir)).toEqual([]);

/** Breaks a sound database in one way after another: each is named, and no invariant is left that nothing breaks. */
export function expectEachNamed(dataDir: string, invariants: readonly Invariant[], breakages: readonly Breakage[]) {
  expect(problemsOf(dataDir, invariants)).toEqual([]);
  const named: string[] = [];
  const connection = new Connection(join(dataDir, "twinpost.db"));
  connection.pragma("foreign_keys = OFF");
  try {
    for (const [name, sql, says] of breakages) {
      connection.run("BEGIN");
      connection.run(sql);
      const problems = [...findDamage(connection), ...findViolations(connection, invariants)];
      connection.run("ROLLBACK");
      named.push(...problems);
      expect([name, problems]).toEqual([name, expect.arrayContaining([expect.stringMatching(says)])]);
    }
  } finally {
    connection.close();
  }
  const patterns = invariants.map(
    ({ broken }) => new RegExp(`^${broken.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{\w+\}/g, ".+")}$`),
  );
  expect(patterns.filter((pattern) => !named.some((problem) => pattern.test(problem)))).toEqual([]);
}
