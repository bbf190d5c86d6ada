import { expect, test } from "bun:test";
import { join } from "node:path";
import { MIGRATIONS } from "../../src/store/migrations/index.ts";
import { migrate } from "../../src/store/migrations/migrate.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { expectConsistent } from "../support/store/breakages.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { openWorld } from "../support/world/world.ts";
import { copyAll } from "./ledger-world.ts";

test("references that an older server left half copied are copied by this one, and counted", async () => {
  const folder = memoryFolder();
  const file = join(folder.path, "twinpost.db");
  await migrate(
    file,
    0,
    MIGRATIONS.filter(({ number }) => number < 19),
  );
  const connection = new Connection(file);
  const [account, role, user] = ["a", "r", "u"];
  connection.run("INSERT INTO accounts VALUES (?, 'Company', NULL, 1, 1)", account);
  connection.run(
    "INSERT INTO roles (id, account_id, name, effect, actions, created_at, updated_at) VALUES (?, ?, 'Admin', 'deny', '[]', 1, 1)",
    role,
    account,
  );
  connection.run(
    "INSERT INTO users (id, account_id, role_id, created_at, updated_at) VALUES (?, ?, ?, 1, 1)",
    user,
    account,
    role,
  );
  for (const twin of ["t1", "t2"]) {
    connection.run(
      "INSERT INTO twins (id, owner_id, creator_id, created_at, updated_at) VALUES (?, ?, ?, 1, 1)",
      twin,
      account,
      account,
    );
  }
  const entry = "twin_id, account_id, name, type, value, created_at, updated_at, value_changed_at";
  connection.run(`INSERT INTO ledger_entries (${entry}) VALUES ('t1', ?, 'reading', 'value', '7', 1, 1, 1)`, account);
  for (const name of ["c1", "c2", "c3"]) {
    connection.run(
      `INSERT INTO ledger_entries (${entry}, source_twin, source_account, source_name, status, hops, added_by)
       VALUES ('t2', ?, ?, 'reference', '6', 1, 1, 1, 't1', ?, 'reading', 'ok', 1, ?)`,
      account,
      name,
      account,
      user,
    );
  }
  connection.run(
    "INSERT INTO changed_sources (twin_id, account_id, name, position, again) VALUES ('t1', ?, 'reading', ?, 1)",
    account,
    `t2 ${account} c2`,
  );
  connection.run("INSERT INTO pending_references (twin_id, account_id, name) VALUES ('t2', ?, 'c1')", account);
  connection.close();

  await using world = await openWorld({}, undefined, folder);
  expectConsistent(world.dataDir);
  const counts = "SELECT user_count AS users, role_count AS roles, reference_count AS refs FROM accounts";
  expect(world.query(counts)).toEqual([{ users: 1, roles: 1, refs: 3 }]);
  expect(world.query("SELECT count FROM reference_fans")).toEqual([{ count: 3 }]);
  await copyAll(world.store);
  expect(world.query("SELECT value FROM ledger_entries WHERE type = 'reference'")).toEqual(
    Array(3).fill({ value: "7" }),
  );
  expectConsistent(world.dataDir);
});
