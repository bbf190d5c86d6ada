import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { command } from "../../src/store/sqlite/command.ts";
import { QUEUE_MAX } from "../../src/store/writer/writer.ts";
import { readExposition } from "../support/http/exposition.ts";
import { openTestStore } from "../support/store/open-test-store.ts";

// Whether the store accepts writes, and how it finds out. A second connection that locks the database stands for a disk
// that accepts no writes.

const SECOND = 1000;
const note = command("note", (tx) => tx.run("INSERT INTO sealed_keys (name, sealed) VALUES (hex(randomblob(8)), 'x')"));

async function openMeasured() {
  const world = await openTestStore();
  const metrics = new Metrics();
  world.options.metrics = metrics;
  await world.reopen();
  const figure = async (name: string) => {
    const { text } = await expose(metrics, () => undefined);
    return readExposition(text).sum(`twinpost_store_${name}`);
  };
  return {
    world,
    clock: world.clock,
    figure,
    groups: () => figure("group_commands_count"),
    log: () => Bun.hash(readFileSync(world.file("twinpost.db-wal"))),
    /** Blocks all other writers until the returned function is called. */
    block() {
      const other = world.connect();
      other.run("BEGIN IMMEDIATE");
      return () => {
        other.run("ROLLBACK");
        other.close();
      };
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

test("an idle store proves with a probe write that it is writable, and the probe leaves no row", async () => {
  await using measured = await openMeasured();
  const { world, clock, groups, log } = measured;
  const rows = () => world.store.read((reader) => reader.all("SELECT name, sealed FROM sealed_keys"));
  clock.advance(2 * SECOND);
  const before = { rows: rows(), log: log(), groups: await groups() };
  expect(await world.store.writable()).toBe("yes");
  expect(await groups()).toBe(before.groups + 1);
  expect(log()).not.toBe(before.log);
  expect(rows()).toEqual(before.rows);
});

test("concurrent checks write at most one probe in two seconds, and none while other commands write", async () => {
  await using measured = await openMeasured();
  const { world, clock, groups } = measured;
  clock.advance(2 * SECOND);
  const before = await groups();
  const ask = () => Promise.all(Array.from({ length: 20 }, () => world.store.writable()));
  expect(new Set(await ask())).toEqual(new Set(["yes"]));
  clock.advance(2 * SECOND - 1);
  await ask();
  expect(await groups()).toBe(before + 1);
  clock.advance(1);
  await ask();
  expect(await groups()).toBe(before + 2);
  for (let n = 1; n <= 5; n++) {
    clock.advance(SECOND);
    await world.store.write(note, SYSTEM, null);
    await ask();
    expect(await groups()).toBe(before + 2 + n);
  }
});

test("a lost write is reported for two seconds, then a probe shows the current state", async () => {
  await using measured = await openMeasured();
  const { world, clock, figure } = measured;
  const unblock = measured.block();
  const write = world.store.write(note, SYSTEM, null).catch((error) => error);
  await new Promise((done) => setImmediate(done));
  clock.advance(5 * SECOND);
  expect((await write).failure.code).toBe("unavailable");
  expect(await world.store.writable()).toBe("refused");
  expect([await figure("writable"), await figure("groups_lost_total")]).toEqual([0, 1]);
  unblock();
  expect(await world.store.writable()).toBe("refused");
  clock.advance(2 * SECOND);
  expect(await world.store.writable()).toBe("yes");
  expect(await figure("writable")).toBe(1);
});

test("a check on a disk that hangs returns within two seconds", async () => {
  await using measured = await openMeasured();
  const { world, clock, groups } = measured;
  clock.advance(2 * SECOND);
  const before = await groups();
  const unblock = measured.block();
  const asked = [world.store.writable(), world.store.writable()];
  await new Promise((done) => setImmediate(done));
  clock.advance(2 * SECOND);
  expect(await Promise.all(asked)).toEqual(["late", "late"]);
  unblock();
  expect(await world.store.writable()).toBe("yes");
  expect(await groups()).toBe(before + 1);
});

test("a clock that was set back does not make an old outcome recent", async () => {
  await using measured = await openMeasured();
  const { world, clock, groups } = measured;
  await world.store.writable();
  const before = await groups();
  clock.set(clock.now() - 3600 * SECOND);
  expect(await world.store.writable()).toBe("yes");
  expect(await groups()).toBe(before + 1);
});

test("group, commit, queue and file metrics count what happened", async () => {
  await using measured = await openMeasured();
  const { world, figure, groups } = measured;
  const before = await groups();
  const writes = Array.from({ length: 40 }, () => world.store.write(note, SYSTEM, null));
  expect(await figure("queue_commands")).toBe(40);
  await Promise.all(writes);
  expect(await figure("queue_commands")).toBe(0);
  expect([await groups(), await figure("commit_duration_seconds_count")]).toEqual([before + 1, before + 1]);
  expect(await figure("group_commands_sum")).toBe(before + 40);
  const loud = { account: "loud", member: "a" };
  const many = Array.from({ length: QUEUE_MAX / 2 + 3 }, () =>
    world.store.write(note, SYSTEM, null, loud).catch(() => "refused"),
  );
  expect(await figure("queue_refusals_total")).toBe(3);
  expect((await Promise.all(many)).filter((answer) => answer === "refused")).toHaveLength(3);
  expect(await figure("log_bytes")).toBeGreaterThan(0);
  expect(await figure("checkpoint_duration_seconds_count")).toBeGreaterThan(0);
  expect(await figure("database_bytes")).toBeGreaterThan(100_000);
  expect(await figure("disk_free_bytes")).toBeGreaterThan(0);
});
