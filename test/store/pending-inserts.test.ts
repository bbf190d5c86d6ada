import { expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { conflict } from "../../src/kernel/failure.ts";
import { command } from "../../src/store/sqlite/command.ts";
import { type AppendOnlyTable, integer } from "../../src/store/sqlite/sql.ts";
import { openTestStore } from "../support/store/open-test-store.ts";
import { tries } from "../support/tries.ts";

const JOURNAL: AppendOnlyTable = {
  name: "events",
  number: "sequence",
  columns: ["occurred_at", "account_id", "kind", "actor_kind", "data"],
};

type Input = { rows: string[]; counts?: boolean; fail?: boolean; actorKind?: string };
type Answer = { numbers: number[]; counted: number | undefined };

/** Adds rows; with `counts` it then counts all rows, with `fail` it fails after that. */
const append = command("append", (tx, _actor, { rows, counts, fail, actorKind = "system" }: Input): Answer => {
  const numbers = rows.map((data) => tx.append(JOURNAL, tx.now, "", "test", actorKind, data));
  const counted = counts ? integer(tx.get("SELECT count(*) AS count FROM events") ?? {}, "count") : undefined;
  if (fail) throw conflict("precondition", "after all");
  return { numbers, counted };
});

async function openJournal() {
  const world = await openTestStore();
  const write = (input: Input) => world.store.write(append, SYSTEM, input);
  const rows = () =>
    world.store
      .read((reader) => reader.all("SELECT sequence, data FROM events ORDER BY sequence"))
      .map((row) => [row["sequence"], row["data"]]);
  return Object.assign(world, { write, rows });
}

test("rows of many commands get consecutive numbers, whichever commands between them are refused", async () => {
  const input = fc.record({
    rows: fc.array(
      fc.string({ unit: "grapheme", maxLength: 5 }).filter((text) => !text.includes("\0")),
      { maxLength: 4 },
    ),
    counts: fc.boolean(),
    fail: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  });
  const groups = fc.array(fc.array(input, { maxLength: 90 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(groups, async (groups) => {
      await using world = await openJournal();
      const expected: [number, string][] = [];
      for (const group of groups) {
        const outcomes = await Promise.allSettled(group.map((input) => world.write(input)));
        for (const [index, outcome] of outcomes.entries()) {
          const { rows, counts, fail } = group[index] as Input;
          expect(outcome.status).toBe(fail ? "rejected" : "fulfilled");
          if (outcome.status === "rejected") continue;
          for (const data of rows) expected.push([expected.length + 1, data]);
          expect(outcome.value.numbers).toEqual(
            expected.slice(expected.length - rows.length).map(([number]) => number),
          );
          expect(outcome.value.counted).toBe(counts ? expected.length : undefined);
        }
      }
      expect(world.rows()).toEqual(expected);
    }),
    { numRuns: tries(8) },
  );
}, 20_000);

test("a row that cannot be written rejects only the command that added it", async () => {
  await using world = await openJournal();
  const outcomes = await Promise.allSettled([
    world.write({ rows: ["kept"] }),
    world.write({ rows: ["invalid"], actorKind: "nobody" }),
    world.write({ rows: ["unbindable \0"] }),
    world.write({ rows: ["kept too"] }),
  ]);
  const results = outcomes.map((outcome) =>
    outcome.status === "rejected" ? outcome.reason.message : outcome.value.numbers,
  );
  expect(results).toEqual([[1], expect.stringContaining("CHECK"), expect.stringContaining("NUL"), [2]]);
  expect(world.rows()).toEqual([
    [1, "kept"],
    [2, "kept too"],
  ]);
});

test("a command that reads rows succeeds although a pending row of another command cannot be written", async () => {
  await using world = await openJournal();
  const [kept, refused, asking] = await Promise.allSettled([
    world.write({ rows: ["kept"] }),
    world.write({ rows: ["invalid"], actorKind: "nobody" }),
    world.write({ rows: [], counts: true }),
  ]);
  expect(kept).toMatchObject({ status: "fulfilled", value: { numbers: [1] } });
  expect((refused as PromiseRejectedResult).reason.message).toContain("CHECK");
  expect(asking).toMatchObject({ status: "fulfilled", value: { counted: 1 } });
  expect(world.rows()).toEqual([[1, "kept"]]);
});

test("numbering continues after rows that another process has added", async () => {
  await using world = await openJournal();
  expect((await world.write({ rows: ["a", "b"] })).numbers).toEqual([1, 2]);
  const other = world.connect();
  other.run(
    "INSERT INTO events (occurred_at, account_id, kind, actor_kind, data) VALUES (0, '', 'test', 'operator', 'c')",
  );
  other.close();
  expect((await world.write({ rows: ["d"] })).numbers).toEqual([4]);
  expect(world.rows().map(([, data]) => data)).toEqual(["a", "b", "c", "d"]);
});
