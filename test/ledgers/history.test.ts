import { expect, test } from "bun:test";
import { SYSTEM } from "../../src/kernel/actor.ts";
import type { EntryKey } from "../../src/ledgers/model/entry.ts";
import { pruneHistory } from "../../src/ledgers/prune-history.ts";
import { LEDGER_RECORDS, RECENT_MAX } from "../support/world/ledger-records.ts";
import { openWorld, type World } from "../support/world/world.ts";
import { createTwin, ledgerOf } from "./ledger-world.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

async function openLedger(world: World) {
  const company = await world.createAccount();
  const twin = await createTwin(company);
  return { company, twin, ledger: ledgerOf(company, twin) };
}

/** The key of a record made `ms` ago. */
const ago = (world: World, ms: number) => ((world.clock.now() - ms) / 1000).toFixed(1);

const recordCount = (world: World): number => world.query(`SELECT count(*) AS count FROM ${LEDGER_RECORDS}`)[0].count;

test("a history keeps each value for as long as its entry says, to the millisecond", async () => {
  await using world = await openWorld();
  const { ledger } = await openLedger(world);
  await ledger.add({ reading: { value: 0, history: "1D" }, ever: { value: 0, history: "INF" } });
  for (const value of [1, 2]) {
    world.clock.advance(10 * HOUR);
    await ledger.update({ reading: { value }, ever: { value } });
  }
  expect(Object.entries(await ledger.history("reading"))).toEqual([
    [ago(world, 0), 2],
    [ago(world, 10 * HOUR), 1],
    [ago(world, 20 * HOUR), 0],
  ]);
  world.clock.advance(4 * HOUR);
  expect(Object.values(await ledger.history("reading"))).toEqual([2, 1, 0]);
  world.clock.advance(1);
  expect(Object.values(await ledger.history("reading"))).toEqual([2, 1]);
  expect(Object.values(await ledger.history("ever"))).toEqual([2, 1, 0]);

  await ledger.update({ reading: { history: "2D" } });
  expect(Object.values(await ledger.history("reading"))).toEqual([2, 1, 0]);
  world.clock.advance(2 * DAY);
  expect(await ledger.history("reading")).toEqual({});
  expect(Object.values(await ledger.history("ever"))).toEqual([2, 1, 0]);
});

test("days, weeks, months and years are 1, 7, 30 and 365 days", async () => {
  await using world = await openWorld();
  const { ledger } = await openLedger(world);
  const kept = { "3D": 3, "2W": 14, "1M": 30, "2Y": 730 };
  const names = Object.keys(kept).map((duration) => duration.toLowerCase());
  await ledger.add(
    Object.fromEntries(Object.keys(kept).map((history) => [history.toLowerCase(), { value: 1, history }])),
  );
  const start = world.clock.now();
  for (const [index, days] of Object.values(kept).entries()) {
    world.clock.advance(start + days * DAY - world.clock.now());
    const name = names[index] as string;
    expect(Object.values(await ledger.history(name))).toEqual([1]);
    world.clock.advance(1);
    expect(await ledger.history(name)).toEqual({});
  }
});

test("expired records are deleted from the database in slices", async () => {
  await using world = await openWorld();
  const { company, ledger } = await openLedger(world);
  const other = ledgerOf(company, await createTwin(company));
  for (const { add } of [ledger, other]) {
    await add({ a: { value: 0, history: "1D" }, b: { value: 0, history: "1D" }, c: { value: 0, history: "INF" } });
    await add({ d: { value: 0, history: "1W" }, e: { value: 0 } });
  }
  world.clock.advance(DAY);
  for (const { update } of [ledger, other]) await update({ a: { value: 1 }, c: { value: 1 }, d: { value: 1 } });
  expect(recordCount(world)).toBe(14);

  const prune = async () => {
    const slices: number[] = [];
    for (let after: EntryKey | null = null; ; ) {
      const slice: { dropped: number; last: EntryKey | null } = await world.store.write(pruneHistory, SYSTEM, {
        after,
        limit: 2,
      });
      slices.push(slice.dropped);
      after = slice.last;
      if (!after) return slices;
    }
  };
  // Three entries of each ledger keep their history for a time, so a last slice finds none.
  expect(await prune()).toEqual([0, 0, 0, 0]);
  world.clock.advance(1);
  expect(await prune()).toEqual([2, 1, 1, 0]);
  expect(recordCount(world)).toBe(10);
  expect(Object.values(await ledger.history("a"))).toEqual([1]);
  expect(Object.values(await ledger.history("d"))).toEqual([1, 0]);
  expect(await prune()).toEqual([0, 0, 0, 0]);
});

test("every night expired records are deleted, of any number of entries", async () => {
  await using world = await openWorld();
  const { company } = await openLedger(world);
  const names = Array.from({ length: 420 }, (_, index) => `entry_${index}`);
  for (let i = 0; i < 3; i++) {
    const { add } = ledgerOf(company, await createTwin(company));
    await add(Object.fromEntries(names.map((name) => [name, { value: 0, history: "1D" }])));
  }
  world.scheduler.start();
  expect(recordCount(world)).toBe(1260);
  for (const step of [DAY, DAY]) {
    world.clock.advance(step);
    await world.scheduler.settled();
  }
  expect(recordCount(world)).toBe(0);
  expect(world.logged.find(({ job }) => job === "prune_history")).toMatchObject({ event: "job.done", done: 1260 });
}, 30_000);

test("deleted records make room: the newest 1 000 are kept, and beyond them only what fits into the entry's own row", async () => {
  await using world = await openWorld();
  const { ledger } = await openLedger(world);
  await ledger.add({ reading: { value: -1, history: "1D" } });
  const writeMany = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, value) => ledger.update({ reading: { value } })));
  const expectNewest = async (count: number) => {
    expect(Object.keys(await ledger.history("reading", "&limit=1000")).length).toBe(count);
    expect(recordCount(world)).toBeWithin(count, count + RECENT_MAX + 1);
  };
  await writeMany(1005);
  await expectNewest(1000);
  await writeMany(100);
  await expectNewest(1000);
  world.clock.advance(2 * DAY);
  await writeMany(10);
  expect(recordCount(world)).toBeWithin(1000, 1000 + RECENT_MAX + 1);

  await world.store.write(pruneHistory, SYSTEM, { after: null, limit: 10 });
  expect(recordCount(world)).toBe(10);
  await writeMany(30);
  expect(recordCount(world)).toBe(40);
}, 30_000);

test("without a history nothing is kept, and one that is switched on again begins with the present value", async () => {
  await using world = await openWorld();
  const { ledger } = await openLedger(world);
  await ledger.add({ reading: { value: 1, history: "1M" } });
  world.clock.advance(1000);
  await ledger.update({ reading: { value: 2 } });
  await ledger.update({ reading: { history: null } });
  expect(await ledger.history("reading")).toEqual({});
  expect(recordCount(world)).toBe(0);
  world.clock.advance(1000);
  await ledger.update({ reading: { value: 3 } });
  expect(recordCount(world)).toBe(0);

  world.clock.advance(1000);
  await ledger.update({ reading: { history: "1M" } });
  expect(await ledger.history("reading")).toEqual({ [ago(world, 1000)]: 3 });
  world.clock.advance(1000);
  await ledger.update({ reading: { history: null } });
  await ledger.update({ reading: { history: "1M", value: 4 } });
  expect(await ledger.history("reading")).toEqual({ [ago(world, 0)]: 4 });
});

test("a value that is the same JSON is no change", async () => {
  await using world = await openWorld();
  const { ledger } = await openLedger(world);
  const value = { b: [1, { x: null, y: "z" }], a: 1 };
  await ledger.add({ reading: { value, history: "INF" } });
  const before = await ledger.entry("reading");
  world.clock.advance(1000);
  for (const same of [value, { a: 1, b: [1, { y: "z", x: null }] }]) {
    await ledger.update({ reading: { value: same } });
    expect(await ledger.entry("reading")).toEqual(before);
  }
  await ledger.update({ reading: { value: { ...value, b: [{ x: null, y: "z" }, 1] } } });
  expect(Object.keys(await ledger.history("reading")).length).toBe(2);
});

test("several values of one millisecond get distinct instants, and whole seconds are written as such", async () => {
  await using world = await openWorld();
  const { ledger } = await openLedger(world);
  await ledger.add({ reading: { value: 0, history: "INF" } });
  for (const value of [1, 2, 1]) await ledger.update({ reading: { value } });
  const second = world.clock.now() / 1000;
  expect(second).toBe(Math.floor(second));
  expect(Object.entries(await ledger.history("reading"))).toEqual([
    [`${second}.003`, 1],
    [`${second}.002`, 2],
    [`${second}.001`, 1],
    [`${second}.0`, 0],
  ]);
  world.clock.advance(230);
  await ledger.update({ reading: { value: 5 } });
  expect(Object.keys(await ledger.history("reading"))[0]).toBe(`${second}.23`);
});

test("bounds include their instants, and the limit selects the newest", async () => {
  await using world = await openWorld();
  const { company, twin, ledger } = await openLedger(world);
  const start = world.clock.now() / 1000;
  await ledger.add({ reading: { value: 0, history: "INF" }, plain: { value: 0 } });
  for (let value = 1; value <= 150; value++) {
    world.clock.advance(1000);
    await ledger.update({ reading: { value } });
  }
  const values = async (query: string) => Object.values(await ledger.history("reading", query));
  expect((await values("")).length).toBe(100);
  expect((await values("&limit=1000")).length).toBe(151);
  expect(await values("&limit=2")).toEqual([150, 149]);
  expect(await values(`&ge=${start + 10}&le=${start + 12}`)).toEqual([12, 11, 10]);
  expect(await values(`&ge=${start + 9.001}&le=${start + 11.999}`)).toEqual([11, 10]);
  expect(await values(`&le=${start + 3}&limit=2`)).toEqual([3, 2]);
  expect(await values(`&ge=${start + 151}`)).toEqual([]);
  expect(await values(`&ge=${start + 12}&le=${start + 10}`)).toEqual([]);

  const path = `/twins/${twin}/ledgers/personal/history`;
  const several = await company.call("GET", `${path}?entries=plain,nothing,reading&limit=1`);
  const newest = { [`${start + 150}.0`]: 150 };
  expect(several.body).toEqual({ entries: { plain: {}, nothing: "Entry not accessible.", reading: newest } });
  expect((await company.call("GET", `${path}?limit=1`)).body).toEqual({ entries: { reading: newest } });
  for (const query of ["limit=0", "limit=1001", "limit=x", "ge=-1", "le=soon"]) {
    expect([query, (await company.call("GET", `${path}?${query}`)).body.subcode]).toEqual([query, 400_592]);
  }
});

test("deleting an entry deletes its history", async () => {
  await using world = await openWorld();
  const { ledger } = await openLedger(world);
  await ledger.add({ reading: { value: 1, history: "INF" } });
  await ledger.remove("reading");
  expect(recordCount(world)).toBe(0);
  world.clock.advance(1000);
  await ledger.add({ reading: { value: 2, history: "INF" } });
  expect(Object.values(await ledger.history("reading"))).toEqual([2]);
});
