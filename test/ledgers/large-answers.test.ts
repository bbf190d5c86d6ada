import { expect, test } from "bun:test";
import { INCLUDES_MAX } from "../../src/ledgers/model/ledger-quota.ts";
import { openLedger } from "../support/world/ledger.ts";
import { allPages, nextOf } from "../support/world/list-pages.ts";
import { createTwin } from "./ledger-world.ts";

// Answers may be far larger than the ledger itself: because of includes, and of histories.

const MiB = 1024 * 1024;

test("a ledger whose includes resolve to 6 MB is returned in pages of 1 MiB, and no page reads more", async () => {
  await using it = await openLedger();
  const other = await createTwin(it.company);
  const large = { large: { value: "x".repeat(60_000) } };
  expect((await it.company.call("POST", `/twins/${other}/ledgers/personal`, { entries: large })).status).toBe(201);
  const includes = (from: number, count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `i_${String(from + index).padStart(3, "0")}`,
        { include: { source: `twin://${other}/large` } },
      ]),
    );
  expect((await it.add(includes(0, INCLUDES_MAX))).status).toBe(201);
  const refused = await it.add(includes(INCLUDES_MAX, 1));
  expect(refused.body.entries[`i_${INCLUDES_MAX}`].error).toBe("Too many includes.");

  const named = [...Array(INCLUDES_MAX).keys()].reverse().map((index) => `i_${String(index).padStart(3, "0")}`);
  for (const [path, names] of [
    [it.path, [...named].sort()],
    [`${it.path}/value`, [...named].sort()],
    [`${it.path}?entries=${named.join()}`, named],
  ] as const) {
    const pages = await allPages(it.company, path);
    expect(pages.length).toBe(6);
    expect(Math.max(...pages.map((page) => JSON.stringify(page).length))).toBeLessThan(1.1 * MiB);
    expect(pages.flatMap(({ entries }) => Object.keys(entries))).toEqual([...names]);
    expect(pages[5].entries[names.at(-1) as string].value.length).toBe(60_000);
  }
  const wrong = await it.company.call("GET", `${it.path}?cursor=x`);
  expect([wrong.status, wrong.body.subcode]).toEqual([400, 400_592]);
});

test("a history of long values is returned in pages of 1 MiB, each value once; so is one of many values", async () => {
  await using it = await openLedger();
  await it.add({ long: { value: "", history: "INF" }, many: { value: 0, history: "INF" }, none: { value: 1 } });
  const values = Array.from({ length: 60 }, (_, index) => `${index} ${"x".repeat(40_000)}`);
  for (const value of values) {
    it.world.clock.advance(1000);
    await it.change({ long: { value } });
  }
  it.world.seed((connection) => {
    for (let index = 0; index < 990; index++) {
      connection.run(
        "INSERT INTO ledger_history (twin_id, account_id, name, changed_at, value) VALUES (?, ?, 'many', ?, ?)",
        it.twin,
        it.company.account,
        1000 + index,
        String(index),
      );
    }
    connection.run("UPDATE ledger_entries SET record_count = record_count + 990 WHERE name = 'many'");
  });
  const small = await it.company.call("GET", `${it.path}/history?entries=many`);
  expect([Object.keys(small.body.entries.many).length, nextOf(small)]).toEqual([100, undefined]);

  for (const query of ["?limit=1000", "?limit=1000&entries=many,long,none,missing"]) {
    const pages = await allPages(it.company, `${it.path}/history${query}`);
    expect(pages.length).toBeGreaterThan(2);
    expect(Math.max(...pages.map((page) => JSON.stringify(page).length))).toBeLessThan(1.1 * MiB);
    const of = (name: string) => pages.flatMap(({ entries }) => Object.values(entries[name] ?? {}));
    expect(of("long")).toEqual([...values.toReversed(), ""]);
    expect(of("many").length).toBe(991);
    if (query.includes("entries")) expect(pages.at(-1)?.entries).toMatchObject({ missing: "Entry not accessible." });
  }
});
