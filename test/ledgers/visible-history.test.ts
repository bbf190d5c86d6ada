import { expect, test } from "bun:test";
import { openWorld } from "../support/world/world.ts";
import { createReader, createTwin, ledgerOf, OPEN_RULES } from "./ledger-world.ts";

// A history shows a past value only if the entry would have been visible with it.

async function openShared() {
  const world = await openWorld();
  const company = await world.createAccount();
  const partner = await createReader(world, await world.createAccount("Partner"), OPEN_RULES);
  const twin = await createTwin(company);
  const ledger = ledgerOf(company, twin);
  const path = `/twins/${twin}/ledgers/${company.account}/history`;
  return {
    world,
    company,
    twin,
    ledger,
    partner,
    async write(name: string, values: readonly number[]) {
      for (const value of values) {
        world.clock.advance(1000);
        await ledger.update({ [name]: { value } });
      }
    },
    /** The visible values of a history, newest first. */
    seen: async (who: Pick<typeof company, "call">, name: string, query = "") =>
      Object.values((await who.call("GET", `${path}?entries=${name}${query}`)).body.entries[name]),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

test("other accounts get only the values that the visibility permits, and as many of them as requested", async () => {
  await using opened = await openShared();
  const { ledger, company, partner, write, seen } = opened;
  const rules = { a: "entry_value < 10", b: "LEDGER.b < 10", c: "USER == null and not (LEDGER.c >= 10)" };
  for (const [name, visibility] of Object.entries(rules)) {
    await ledger.add({ [name]: { value: 1, history: "INF", visibility } });
    await write(name, [50, 2, 60, 61, 3]);
    expect(await seen(company, name)).toEqual([3, 61, 60, 2, 50, 1]);
    expect(await seen(partner, name)).toEqual([3, 2, 1]);
    expect(await seen(partner, name, "&limit=2")).toEqual([3, 2]);
    // Beyond the chunk that is read at a time, and the records moved out of the entry's row.
    const hidden = Array.from({ length: 230 }, (_, n) => 100 + n);
    await write(name, [...hidden, 4]);
    expect(await seen(partner, name)).toEqual([4, 3, 2, 1]);
    expect(await seen(partner, name, "&limit=2")).toEqual([4, 3]);
    expect((await seen(company, name, "&limit=1000")).length).toBe(hidden.length + 7);
  }
});

test("other accounts get from before the present visibility was set only the value that was current then", async () => {
  await using opened = await openShared();
  const { world, ledger, company, partner, write, seen } = opened;
  await ledger.add({ salary: { value: 1, history: "INF" } });
  await write("salary", [2, 3]);
  world.clock.advance(1000);
  await ledger.update({ salary: { visibility: "true" } });
  expect(await seen(partner, "salary")).toEqual([3]);
  await write("salary", [4, 5]);
  expect(await seen(partner, "salary")).toEqual([5, 4, 3]);
  // Another property, and the same rule, change nothing about it; another rule does.
  await ledger.update({ salary: { history: "1Y", visibility: "true" } });
  expect(await seen(partner, "salary")).toEqual([5, 4, 3]);
  await ledger.update({ salary: { visibility: null } });
  await write("salary", [6, 7]);
  await ledger.update({ salary: { visibility: "true" } });
  expect(await seen(partner, "salary")).toEqual([7]);
  expect(await seen(company, "salary")).toEqual([7, 6, 5, 4, 3, 2, 1]);
  await ledger.add({ late: { value: 1, visibility: "true" } });
  await write("late", [2]);
  await ledger.update({ late: { history: "INF" } });
  await write("late", [3]);
  expect(await seen(partner, "late")).toEqual([3, 2]);
});

test("a history shows users only the values with which their role's rule permits the entry", async () => {
  await using opened = await openShared();
  const { world, company, ledger, write, seen } = opened;
  const other = await world.createAccount("Other");
  for (const entry_rule of ["entry_value < 10", "LEDGER.reading < 10"]) {
    const clerk = await createReader(world, company, { entry_rule });
    const foreigner = await createReader(world, other, { twin_rule: "true", entry_rule });
    await ledger.add({ reading: { value: 1, history: "INF", visibility: "true" } });
    await write("reading", [50, 2]);
    expect(await seen(clerk, "reading")).toEqual([2, 1]);
    expect(await seen(foreigner, "reading")).toEqual([2, 1]);
    // A role whose rule does not read values permits all of them.
    const reader = await createReader(world, company, { entry_rule: "entry_name != 'x'" });
    expect(await seen(reader, "reading")).toEqual([2, 50, 1]);
    await ledger.remove("reading");
  }
});

test("an author's visibility shows of a history only what the author may read", async () => {
  await using opened = await openShared();
  const { world, company, twin, ledger, partner, write, seen } = opened;
  const clerk = await createReader(world, company, { entry_rule: "entry_value < 10" });
  await ledger.add({ reading: { value: 1, history: "INF" } });
  await ledgerOf(clerk, twin).update({ reading: { visibility: "true" } });
  await write("reading", [50, 2]);
  expect(await seen(partner, "reading")).toEqual([2, 1]);
});
