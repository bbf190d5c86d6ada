import { join } from "node:path";
import Database from "libsql";
import type { Deps } from "../../../src/deps.ts";
import type { Reader, SqlValue } from "../../../src/store/sqlite/sql.ts";
import type { World } from "./world.ts";

type Asked = { sql: string; binds: SqlValue[]; rows: number };

/** The world's deps, and the queries that they send to the store. */
export function recordQueries({ deps }: World): { deps: Deps; asked: Asked[] } {
  const asked: Asked[] = [];
  const listening = (reader: Reader): Reader => ({
    ...reader,
    get: (sql, ...binds) => {
      const row = reader.get(sql, ...binds);
      asked.push({ sql, binds, rows: row ? 1 : 0 });
      return row;
    },
    all: (sql, ...binds) => {
      const rows = reader.all(sql, ...binds);
      asked.push({ sql, binds, rows: rows.length });
      return rows;
    },
  });
  const store = new Proxy(deps.store, {
    get: (target, name) =>
      name === "read"
        ? <Answer>(ask: (reader: Reader) => Answer) => target.read((reader) => ask(listening(reader)))
        : Reflect.get(target, name),
  });
  return { deps: { ...deps, store }, asked };
}

/** Steps of the query plans that scan more rows than they return, or sort. */
export function costlySteps({ dataDir }: World, asked: readonly Asked[]): string[] {
  const database = new Database(join(dataDir, "twinpost.db"), { readonly: true });
  try {
    return [...new Set(asked.map(({ sql }) => sql))].flatMap((sql) => {
      const binds = asked.find((one) => one.sql === sql)?.binds ?? [];
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(binds) as { detail: string }[];
      return plan
        .map(({ detail }) => detail)
        .filter((detail) =>
          /^SCAN (?!CONSTANT|accounts$|page$|json_each|\(subquery)|TEMP B-TREE|AUTOMATIC/.test(detail),
        );
    });
  } finally {
    database.close();
  }
}
