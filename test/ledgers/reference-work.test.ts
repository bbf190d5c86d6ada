import { expect, test } from "bun:test";
import { Scheduler } from "../../src/jobs/scheduler.ts";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { copyReferences } from "../../src/ledgers/copy-references.ts";
import { roomJobs } from "../../src/rooms.ts";
import { openServerStore } from "../../src/store/store.ts";
import { openWorld, type World } from "../support/world/world.ts";
import { copyAll, createTwin, ledgerOf } from "./ledger-world.ts";

// The work of copying, counted in references examined.

/** A source, and references to it in as many ledgers as they need. */
async function buildFan(world: World, count: number, ledgerSize = 250) {
  const company = await world.createAccount();
  const source = ledgerOf(company, await createTwin(company));
  await source.add({ reading: { value: 0 } });
  const twins: string[] = [];
  for (let first = 0; first < count; first += ledgerSize) {
    const twin = await createTwin(company);
    const names = Array.from({ length: Math.min(ledgerSize, count - first) }, (_, index) => `copy_${first + index}`);
    await ledgerOf(company, twin).add(
      Object.fromEntries(names.map((name) => [name, { ref: source.source("reading") }])),
    );
    twins.push(twin);
  }
  /** Number of copies per value. */
  const copies = () => {
    const rows = world.query(
      "SELECT value, count(*) AS count FROM ledger_entries WHERE type = 'reference' AND status = 'ok' GROUP BY value",
    );
    return Object.fromEntries(rows.map(({ value, count: copied }) => [value, copied]));
  };
  return { company, source, twins, copies };
}

const setTo = (value: number) => ({ reading: { value } });

test("each of 1 000 references to one entry is examined once per change, in slices", async () => {
  await using world = await openWorld();
  const { source, copies } = await buildFan(world, 1000);
  expect(await copyAll(world.store)).toEqual({ commands: 10, looks: 1000 });
  expect(copies()).toEqual({ 0: 1000 });

  await source.update(setTo(1));
  expect(await copyAll(world.store)).toEqual({ commands: 11, looks: 1000 });
  expect(copies()).toEqual({ 1: 1000 });
  expect(await copyAll(world.store)).toEqual({ commands: 1, looks: 0 });

  for (const value of [2, 3, 4]) await source.update(setTo(value));
  expect((await copyAll(world.store)).looks).toBe(1000);
  expect(copies()).toEqual({ 4: 1000 });
  await source.update(setTo(4));
  expect((await copyAll(world.store)).looks).toBe(0);
}, 30_000);

test("if a source changes while its references are walked, all of them end up with the last value", async () => {
  await using world = await openWorld();
  const { source, copies } = await buildFan(world, 5);
  await copyAll(world.store);
  for (const value of [1, 2, 3]) {
    await source.update(setTo(value));
    await world.store.write(copyReferences, SYSTEM, { limit: 2 });
  }
  const { looks } = await copyAll(world.store, 2);
  expect(copies()).toEqual({ 3: 5 });
  expect(looks).toBeLessThanOrEqual(10);
});

test("a change is copied as soon as it is committed, without waiting for the clock", async () => {
  await using world = await openWorld();
  world.scheduler.start();
  const { source, copies } = await buildFan(world, 250);
  await world.scheduler.settled();
  expect(copies()).toEqual({ 0: 250 });
  for (const value of [1, 2, 3]) await source.update(setTo(value));
  await world.scheduler.settled();
  expect(copies()).toEqual({ 3: 250 });
  const rows = world.query("SELECT (SELECT count(*) FROM changed_sources) + (SELECT count(*) FROM pending_references)");
  expect(Object.values(rows[0])).toEqual([0]);
});

test("what was not copied when the server stopped is copied when it starts", async () => {
  await using world = await openWorld();
  const { company, source, copies } = await buildFan(world, 300, 150);
  await copyAll(world.store);
  await source.update(setTo(1));
  await world.store.write(copyReferences, SYSTEM, { limit: 100 });
  const twin = await createTwin(company);
  await ledgerOf(company, twin).add({ late: { ref: source.source("reading") } });
  expect(copies()).toEqual({ 0: 200, 1: 100 });
  await world.store.close();

  const { clock, deps, dataDir } = world;
  const store = await openServerStore({ dataDir, clock, random: deps.random, log: deps.log });
  const scheduler = new Scheduler({ ...deps, store }, roomJobs());
  scheduler.start();
  await scheduler.settled();
  expect(copies()).toEqual({ 1: 301 });
  await scheduler.stop();
  await store.close();
});
