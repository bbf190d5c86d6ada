import { expect, test } from "bun:test";
import { stopwatchMs, systemClock } from "../../src/kernel/clock.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { watchEventLoop } from "../../src/server/process-metrics.ts";
import { readExposition } from "../support/http/exposition.ts";

const neverUnreadable = (name: string) => {
  throw new Error(`${name} is unreadable`);
};
const exposed = async (metrics: Metrics) => readExposition((await expose(metrics, neverUnreadable)).text);

const DONE = { name: "done_total", help: "What was done." };
const TOOK = { name: "took_seconds", help: "How long it took." };

test("asking twice for a counter returns the same one, regardless of the order of its labels", async () => {
  const metrics = new Metrics();
  metrics.counter(DONE, { job: "a", outcome: "done" }).add();
  metrics.counter(DONE, { outcome: "done", job: "a" }).add(2);
  metrics.counter(DONE, { job: "b", outcome: "done" });
  const { find } = await exposed(metrics);
  expect(find("done_total").map(({ labels, value }) => [labels["job"], value])).toEqual([
    ["a", 3],
    ["b", 0],
  ]);
});

test("a value counts in the first bucket whose bound is not below it, and beyond all bounds only in +Inf", async () => {
  const metrics = new Metrics();
  const took = metrics.histogram(TOOK, [0.1, 1]);
  for (const seconds of [0, 0.1, 0.100001, 1, 1.5]) took.observe(seconds);
  const { find, sum } = await exposed(metrics);
  expect(find("took_seconds_bucket").map(({ labels, value }) => [labels["le"], value])).toEqual([
    ["0.1", 2],
    ["1", 4],
    ["+Inf", 5],
  ]);
  expect([sum("took_seconds_count"), sum("took_seconds_sum")]).toEqual([5, 0 + 0.1 + 0.100001 + 1 + 1.5]);
});

test("a histogram is exposed after its first observation", async () => {
  const metrics = new Metrics();
  metrics.histogram(TOOK, [1], { operation: "asked" }).observe(0.5);
  metrics.histogram(TOOK, [1], { operation: "never asked" });
  const { find } = await exposed(metrics);
  expect(find("took_seconds_count").map(({ labels }) => labels)).toEqual([{ operation: "asked" }]);
});

test("labels with special characters are escaped so that they read back unchanged", async () => {
  const metrics = new Metrics();
  const odd = 'a "quote", a \\ backslash\nand a line, {é}';
  metrics.read("gauge", { name: "odd", help: "Odd." }, () => [{ labels: { odd }, value: 1 }]);
  const { find } = await exposed(metrics);
  expect(find("odd")).toEqual([{ name: "odd", labels: { odd }, value: 1 }]);
});

test("a metric that cannot be read is left out and reported, and the others are exposed", async () => {
  const metrics = new Metrics();
  metrics.counter(DONE).add();
  metrics.read("gauge", { name: "gone", help: "Gone." }, () => {
    throw new Error("no disk");
  });
  const reported: string[] = [];
  const { text } = await expose(metrics, (name, error) => reported.push(`${name}: ${(error as Error).message}`));
  expect([...readExposition(text).families.keys()]).toEqual(["done_total"]);
  expect(reported).toEqual(["gone: no disk"]);
});

test("unbounded labels are an error before they fill the memory", () => {
  const metrics = new Metrics();
  const countPath = (path: number) => metrics.counter(DONE, { path: `/twins/${path}` });
  for (let path = 0; path < 1000; path++) countPath(path);
  expect(() => countPath(1000)).toThrow("the labels of done_total are bounded");
});

test("work that blocks the event loop shows in its lag", async () => {
  const metrics = new Metrics();
  const unwatch = watchEventLoop(metrics, systemClock);
  const until = stopwatchMs() + 300;
  while (stopwatchMs() < until);
  const { promise, resolve } = Promise.withResolvers<void>();
  // After the timer that was delayed.
  setTimeout(resolve, 1);
  await promise;
  unwatch();
  const { sum } = await exposed(metrics);
  expect(sum("twinpost_event_loop_lag_seconds_count")).toBeGreaterThanOrEqual(1);
  expect(sum("twinpost_event_loop_lag_seconds_sum")).toBeGreaterThan(0.15);
});
