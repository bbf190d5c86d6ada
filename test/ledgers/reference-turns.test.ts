import { expect, test } from "bun:test";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { copyReferences } from "../../src/ledgers/copy-references.ts";
import { roomJobs } from "../../src/rooms.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";
import { copyAll, copyIn, createReader, createTwin, type Ledger, ledgerOf } from "./ledger-world.ts";

// One account's copies do not wait for other accounts' copies, however many there are.

const LEDGER_SIZE = 250;

/** A source, and references to it of the same account. */
async function buildFan(caller: Caller, count: number) {
  const source = ledgerOf(caller, await createTwin(caller));
  await source.add({ reading: { value: 0 } });
  const ledgers: Ledger[] = [];
  for (let first = 0; first < count; first += LEDGER_SIZE) {
    const ledger = ledgerOf(caller, await createTwin(caller));
    const names = Array.from({ length: Math.min(LEDGER_SIZE, count - first) }, (_, index) => `copy_${index}`);
    await ledger.add(Object.fromEntries(names.map((name) => [name, { ref: source.source("reading") }])));
    ledgers.push(ledger);
  }
  return { source, ledgers };
}

/** Number of commands until a copy has been made. */
async function commandsUntil(world: World, ledger: Ledger, value: unknown): Promise<number> {
  let after = "";
  for (let commands = 0; commands < 200; commands++) {
    if ((await copyIn(ledger, "copy_0"))[1] === value) return commands;
    after = (await world.store.write(copyReferences, SYSTEM, { after, limit: 50 })).after;
  }
  throw new Error("the copy does not come");
}

test("a reference of one account is copied in its turn, while hundreds of another wait", async () => {
  await using world = await openWorld();
  const hostile = await world.createAccount("Hostile");
  const flood = await buildFan(hostile, 750);
  const victim = await world.createAccount("Victim");
  const own = await buildFan(victim, 1);
  const [copy] = own.ledgers as [Ledger];
  // New references are queued by account.
  expect(await commandsUntil(world, copy, 0)).toBeLessThanOrEqual(2);
  await copyAll(world.store);
  // So are those whose source has changed, repeatedly.
  await flood.source.update({ reading: { value: 1 } });
  await own.source.update({ reading: { value: 1 } });
  expect(await commandsUntil(world, copy, 1)).toBeLessThanOrEqual(4);
  await flood.source.update({ reading: { value: 2 } });
  await own.source.update({ reading: { value: 2 } });
  expect(await commandsUntil(world, copy, 2)).toBeLessThanOrEqual(4);
  expect((await copyAll(world.store)).looks).toBeGreaterThan(700);
}, 30_000);

test("other accounts' references to an account's entry do not delay its own references to it", async () => {
  await using world = await openWorld();
  const victim = await world.createAccount("Victim");
  const own = await buildFan(victim, 1);
  const [copy] = own.ledgers as [Ledger];
  const hostiles = [await world.createAccount("Hostile"), await world.createAccount("Hostile too")];
  for (const hostile of hostiles) {
    for (let count = 0; count < 500; count += LEDGER_SIZE) {
      const names = Array.from({ length: LEDGER_SIZE }, (_, index) => `flood_${index}`);
      const { source } = own.source.source("reading");
      await ledgerOf(hostile, await createTwin(hostile)).add(
        Object.fromEntries(names.map((name) => [name, { ref: { source } }])),
      );
    }
  }
  await copyAll(world.store);
  await own.source.update({ reading: { value: 1 } });
  expect(await commandsUntil(world, copy, 1)).toBeLessThanOrEqual(6);
  await copyAll(world.store);
}, 30_000);

test("an account has its turn even if another's rules take all the steps of a command", async () => {
  await using world = await openWorld();
  const hostile = await world.createAccount("Hostile");
  const costly = "[x for x in $range(0, 49000)].length < 0";
  const source = ledgerOf(hostile, await createTwin(hostile));
  const names = Array.from({ length: 40 }, (_, index) => index);
  await source.add(Object.fromEntries(names.map((i) => [`s_${i}`, { value: i, visibility: costly }])));
  const reader = await createReader(world, await world.createAccount("Hostile too"));
  const ledger = ledgerOf(reader, await createTwin(reader));
  await ledger.add(Object.fromEntries(names.map((i) => [`copy_${i}`, { ref: source.source(`s_${i}`) }])));
  const victim = await world.createAccount("Victim");
  const own = await buildFan(victim, 1);
  world.scheduler.start();
  await world.scheduler.settled();
  expect(world.logged.filter(({ event }) => event === "job.failed")).toEqual([]);
  expect(await copyIn(own.ledgers[0] as Ledger, "copy_0")).toEqual(["ok", 0]);
  expect(world.query("SELECT count(*) AS waiting FROM pending_references")).toEqual([{ waiting: 0 }]);
}, 30_000);

test("a turn of the job ends when its time is over, with at least one reference copied", async () => {
  await using world = await openWorld();
  const { ledgers } = await buildFan(await world.createAccount(), 3);
  const slice = await world.store.write(copyReferences, SYSTEM, { limit: 100, ms: 0 });
  expect(slice).toMatchObject({ done: 1, more: true });
  expect(await copyIn(ledgers[0] as Ledger, "copy_0")).toEqual(["ok", 0]);
  const [job] = roomJobs().filter(({ name }) => name === "copy_references");
  for (let slices = 0; (await job?.run(world.deps))?.more; slices++) expect(slices).toBeLessThan(10);
  expect(await copyIn(ledgers[0] as Ledger, "copy_2")).toEqual(["ok", 0]);
});
