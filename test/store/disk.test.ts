import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { command } from "../../src/store/sqlite/command.ts";
import { concernsStatementOnly, isSqliteError } from "../../src/store/sqlite/connection.ts";
import { openTestStore } from "../support/store/open-test-store.ts";

const note = command("note", (tx, _actor, data: string) =>
  tx.run(
    "INSERT INTO events (occurred_at, account_id, kind, actor_kind, data) VALUES (0, '', 'test', 'system', ?)",
    data,
  ),
);

const MB = 1024 * 1024;
const turn = () => new Promise((done) => setImmediate(done));

test.each([
  { what: "many small writes", groups: 400, commands: 40, bytes: 4000 },
  { what: "few large writes", groups: 30, commands: 1, bytes: 3 * MB },
])("the log stays short after $what with a continuous reader", async ({ groups, commands, bytes }) => {
  await using world = await openTestStore();
  const reading = { ended: false };
  const reader = (async () => {
    while (!reading.ended) {
      world.store.read((snapshot) => snapshot.get("SELECT sequence FROM events LIMIT 1"));
      await turn();
    }
  })();
  let longest = 0;
  for (let group = 0; group < groups; group++) {
    await Promise.all(Array.from({ length: commands }, () => world.store.write(note, SYSTEM, "x".repeat(bytes))));
    longest = Math.max(longest, statSync(world.file("twinpost.db-wal")).size);
  }
  reading.ended = true;
  await reader;
  // At most 16 MB of log when it is checkpointed, plus what was written until the next check.
  expect(longest).toBeLessThan(24 * MB);
});

test("a reader during a commit sees all of the group or none of it, and all of it once the group is answered", async () => {
  await using world = await openTestStore();
  const count = () => world.store.read((snapshot) => snapshot.all("SELECT sequence FROM events").length);
  for (const before of [0, 3, 6, 9]) {
    const writing = { ended: false };
    const writes = Promise.all(["a", "b", "c"].map((data) => world.store.write(note, SYSTEM, data)));
    const counted = writes.then(() => {
      writing.ended = true;
      return count();
    });
    for (; !writing.ended; await turn()) expect([before, before + 3]).toContain(count());
    expect(await counted).toBe(before + 3);
  }
});

test("the driver's two APIs share a connection: one ends what the other began, with the same errors", async () => {
  await using world = await openTestStore();
  const connection = world.connect();
  connection.run("BEGIN IMMEDIATE");
  connection.run(
    "INSERT INTO events (occurred_at, account_id, kind, actor_kind, data) VALUES (0, '', 'test', 'system', '')",
  );
  await connection.runOffLoop("COMMIT");
  expect(connection.inTransaction).toBe(false);
  const other = world.connect();
  expect(other.all("SELECT sequence FROM events").length).toBe(1);
  other.close();
  const refusal = await connection.runOffLoop("INSERT INTO events (sequence) VALUES (1)").catch((error) => error);
  expect([isSqliteError(refusal), concernsStatementOnly(refusal)]).toEqual([true, true]);
  connection.close();
});
