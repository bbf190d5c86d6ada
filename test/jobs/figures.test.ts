import { expect, test } from "bun:test";
import { Scheduler } from "../../src/jobs/scheduler.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { readExposition } from "../support/http/exposition.ts";
import { openNotified } from "../support/notifications/open-notified.ts";
import { openWorld, type World } from "../support/world/world.ts";

// Metrics of jobs and of deliveries.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const figuresOf = async ({ deps }: World) => readExposition((await expose(deps.metrics, () => undefined)).text);

test("attempts are counted by the outcome of the message, and waiting messages with their delay", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  await notified.confirmed();
  const outcomes = async () => {
    const { find } = await figuresOf(world);
    const counted = find("twinpost_delivery_attempts_total").map(({ labels, value }) => [labels["outcome"], value]);
    return Object.fromEntries(counted.filter(([, value]) => value !== 0));
  };
  expect(await outcomes()).toEqual({ delivered: 1 });
  await notified.publish();
  expect(await outcomes()).toEqual({ delivered: 2 });
  receiver.state.respond = () => new Response("", { status: 500 });
  await notified.publish();
  expect(await outcomes()).toEqual({ delivered: 2, waiting: 1 });
  const { sum } = await figuresOf(world);
  expect(sum("twinpost_delivery_attempt_duration_seconds_count")).toBe(3);
  expect([sum("twinpost_deliveries_waiting"), sum("twinpost_deliveries_late_seconds")]).toEqual([1, 0]);

  // Nothing is sent for a minute: the retry due after 5 s is late by most of it.
  await world.deliverer.stop(0);
  world.clock.advance(MINUTE);
  const late = (await figuresOf(world)).sum("twinpost_deliveries_late_seconds");
  expect(late).toBeGreaterThan(50);
  expect(late).toBeLessThanOrEqual(60);
  receiver.state.respond = () => new Response("", { status: 410 });
  world.deliverer.start();
  await world.deliverer.settled();
  expect(await outcomes()).toEqual({ delivered: 2, waiting: 1, dropped: 1 });
  expect((await figuresOf(world)).sum("twinpost_deliveries_waiting")).toBe(0);
});

test("runs of jobs are counted by outcome, with the items that they processed", async () => {
  await using world = await openWorld();
  let fails = false;
  const job = {
    name: "some_job",
    schedule: "* * * * *",
    run: async () => {
      if (fails) throw new Error("no disk");
      return { done: 7, more: false };
    },
  };
  const scheduler = new Scheduler(world.deps, [job]);
  const runs = async () => {
    const { sum } = await figuresOf(world);
    const of = (outcome: string) => sum("twinpost_job_runs_total", { job: "some_job", outcome });
    return [of("done"), of("failed"), sum("twinpost_job_items_total", { job: "some_job" })];
  };
  scheduler.start();
  expect(await runs()).toEqual([0, 0, 0]);
  for (const failing of [false, false, true]) {
    fails = failing;
    world.clock.advance(MINUTE);
    await scheduler.settled();
  }
  expect(await runs()).toEqual([2, 1, 14]);
  await scheduler.stop();
});
