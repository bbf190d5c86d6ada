import { expect, test } from "bun:test";
import { Scheduler } from "../../src/jobs/scheduler.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { openWorld } from "../support/world/world.ts";

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const ALL = { effect: "deny", actions: null };

test("expired PINs and tokens are removed, valid ones stay", async () => {
  await using world = await openWorld();
  world.scheduler.start();
  const admin = await world.createAccount();
  const user = await world.createUser(admin, ALL);
  await admin.call("POST", `/users/${user.user}/secrets`);
  const now = world.clock.now() / 1000;
  for (const validity_ts of [now + 60, now + 7200, null]) await admin.call("POST", "/token", { validity_ts });
  const left = () =>
    world.query("SELECT (SELECT count(*) FROM pins) AS pins, (SELECT count(*) FROM user_tokens) AS tokens");

  world.clock.advance(5 * MINUTE);
  await admin.call("POST", `/users/${admin.user}/secrets`);
  world.clock.advance(6 * MINUTE);
  await world.scheduler.settled();
  expect(left()).toEqual([{ pins: 1, tokens: 2 }]);
  expect(world.logged.find(({ event }) => event === "job.done")).toMatchObject({
    job: "drop_dead_credentials",
    done: 2,
  });
  world.clock.advance(DAY);
  await world.scheduler.settled();
  expect(left()).toEqual([{ pins: 0, tokens: 1 }]);
});

test("journal rows older than the retention are deleted, oldest first; the newest row is kept, so the sequence goes on", async () => {
  await using world = await openWorld({ "journal-keep": "2D", "deliveries-keep": "1D" });
  const admin = await world.createAccount();
  await Promise.all(Array.from({ length: 1203 }, () => admin.call("POST", "/twins")));
  world.clock.advance(DAY);
  for (let i = 0; i < 5; i++) await admin.call("POST", "/twins");
  const rows = () => world.query("SELECT count(*) AS count, min(sequence) AS first, max(sequence) AS last FROM events");
  expect(rows()).toEqual([{ count: 1209, first: 1, last: 1209 }]);

  world.scheduler.start();
  for (const step of [DAY, 60 * MINUTE]) {
    world.clock.advance(step);
    await world.scheduler.settled();
  }
  expect(rows()).toEqual([{ count: 5, first: 1205, last: 1209 }]);
  expect(world.logged.find(({ event }) => event === "job.done")).toMatchObject({ job: "cut_journal", done: 1204 });

  for (const step of [30 * DAY, 60 * MINUTE]) {
    world.clock.advance(step);
    await world.scheduler.settled();
  }
  expect(rows()).toEqual([{ count: 1, first: 1209, last: 1209 }]);
  await admin.call("POST", "/twins");
  expect(rows()).toEqual([{ count: 2, first: 1209, last: 1210 }]);
});

test("a journal without retention is not cut", async () => {
  await using world = await openWorld({ "journal-keep": "INF" });
  await world.createAccount();
  await world.createAccount();
  world.scheduler.start();
  world.clock.advance(100 * DAY);
  await world.scheduler.settled();
  expect(world.query("SELECT count(*) AS count FROM events")).toEqual([{ count: 2 }]);
});

test("a job never overlaps itself, is retried at its next tick after a failure, and finishes its slice on stop", async () => {
  await using world = await openWorld();
  const runs: string[] = [];
  let finish = () => {};
  const job = {
    name: "slow",
    schedule: "* * * * *",
    run: async () => {
      runs.push(new Date(world.clock.now()).toISOString().slice(14, 19));
      if (runs.length === 1) throw new Error("at first");
      await new Promise<void>((done) => {
        finish = done;
      });
      return { done: 1, more: true };
    },
  };
  const scheduler = new Scheduler(world.deps, [job]);
  scheduler.start();
  world.clock.advance(MINUTE);
  await scheduler.settled();
  expect(world.logged.find(({ event }) => event === "job.failed")).toMatchObject({
    job: "slow",
    error: { message: "at first" },
  });
  world.clock.advance(3 * MINUTE);
  expect(runs).toEqual(["01:00", "02:00"]);

  const stopped = scheduler.stop();
  finish();
  await stopped;
  world.clock.advance(DAY);
  expect(runs.length).toBe(2);
});

test("a timer beyond the runtime's maximum does not fire at once", async () => {
  let fired = false;
  const cancel = systemClock.at(systemClock.now() + 2 ** 33, () => {
    fired = true;
  });
  await new Promise((done) => setTimeout(done, 5));
  expect(fired).toBe(false);
  cancel();
});
