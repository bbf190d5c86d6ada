import { expect, test } from "bun:test";
import fc from "fast-check";
import { FairQueue } from "../../src/kernel/fairness/fair-queue.ts";
import { tries } from "../support/tries.ts";

type Item = { account: string; member: string; number: number; ms: number };

/** Adds items of one member, each of which takes `ms` milliseconds. */
function fill(queue: FairQueue<Item>, count: number, owner: { account: string; member: string }, ms: number) {
  for (let number = 0; number < count; number++) queue.add({ ...owner, number, ms }, owner);
}

/** Serves the next item and returns it. */
function serve(queue: FairQueue<Item>): Item {
  const taken = queue.take();
  if (!taken) throw new Error("nothing waits");
  taken.charge(taken.item.ms);
  return taken.item;
}

test("an account that adds one item is next, however many items of another are waiting", () => {
  const queue = new FairQueue<Item>();
  fill(queue, 10_000, { account: "loud", member: "a" }, 1);
  for (let served = 0; served < 100; served++) serve(queue);
  fill(queue, 1, { account: "quiet", member: "a" }, 1);
  const next = [serve(queue), serve(queue)].map(({ account }) => account);
  expect(next).toContain("quiet");
});

test("accounts share the time, not the number of items", () => {
  const queue = new FairQueue<Item>();
  fill(queue, 1000, { account: "slow", member: "a" }, 10);
  fill(queue, 1000, { account: "quick", member: "a" }, 1);
  const served = Array.from({ length: 550 }, () => serve(queue));
  expect(served.filter(({ account }) => account === "quick").length).toBeGreaterThanOrEqual(499);
});

test("members share their account's time", () => {
  const queue = new FairQueue<Item>();
  fill(queue, 1000, { account: "one", member: "loud" }, 1);
  fill(queue, 10, { account: "one", member: "quiet" }, 1);
  fill(queue, 1000, { account: "other", member: "a" }, 1);
  const served = Array.from({ length: 44 }, () => serve(queue));
  expect(served.filter(({ member }) => member === "quiet").length).toBe(10);
  expect(served.filter(({ account }) => account === "other").length).toBe(22);
});

test("an account that was idle has saved up nothing", () => {
  const queue = new FairQueue<Item>();
  fill(queue, 1000, { account: "busy", member: "a" }, 1);
  for (let served = 0; served < 500; served++) serve(queue);
  fill(queue, 500, { account: "idle", member: "a" }, 1);
  const served = Array.from({ length: 100 }, () => serve(queue));
  expect(served.filter(({ account }) => account === "busy").length).toBeGreaterThanOrEqual(49);
});

test("an account whose only item was expensive waits longer for its next one", () => {
  const queue = new FairQueue<Item>();
  fill(queue, 100, { account: "quiet", member: "a" }, 1);
  fill(queue, 1, { account: "expensive", member: "a" }, 50);
  while (serve(queue).account !== "expensive");
  fill(queue, 1, { account: "expensive", member: "a" }, 50);
  const before = [];
  for (let item = serve(queue); item.account !== "expensive"; item = serve(queue)) before.push(item);
  expect(before.length).toBeGreaterThanOrEqual(48);
});

test("a member whose item ran during a pause of the process is not charged for the pause", () => {
  const queue = new FairQueue<Item>();
  const paused = { account: "one", member: "paused" };
  const other = { account: "one", member: "other" };
  fill(queue, 10, paused, 1);
  for (let served = 0; served < 10; served++) serve(queue);
  fill(queue, 1, paused, 1000);
  fill(queue, 100, other, 1);
  while (serve(queue).member !== "paused");
  fill(queue, 1, paused, 1);
  expect(Array.from({ length: 6 }, () => serve(queue).member)).toContain("paused");
});

test("a member whose items are all expensive is charged for them", () => {
  const queue = new FairQueue<Item>();
  fill(queue, 1000, { account: "one", member: "expensive" }, 10);
  fill(queue, 1000, { account: "one", member: "cheap" }, 1);
  const served = Array.from({ length: 550 }, () => serve(queue));
  expect(served.filter(({ member }) => member === "cheap").length).toBeGreaterThanOrEqual(490);
});

test("an account whose item ran during a pause of the process is charged for it, because its work may be the cause", () => {
  const queue = new FairQueue<Item>();
  fill(queue, 1, { account: "paused", member: "a" }, 50);
  fill(queue, 100, { account: "other", member: "a" }, 1);
  while (serve(queue).account !== "paused");
  fill(queue, 1, { account: "paused", member: "a" }, 1);
  const before = [];
  for (let item = serve(queue); item.account !== "paused"; item = serve(queue)) before.push(item);
  expect(before.length).toBeGreaterThanOrEqual(48);
});

test("a queue removes accounts that have nothing waiting", () => {
  const queue = new FairQueue<Item>();
  for (let account = 0; account < 20_000; account++) {
    fill(queue, 1, { account: String(account), member: "a" }, 1);
    serve(queue);
  }
  expect(queue.remembered).toBeLessThan(3000);
});

const LONGEST_MS = 20;
const owners = fc.record({ account: fc.constantFrom("a", "b", "c", "d"), member: fc.constantFrom("x", "y", "z") });
const additions = fc.record({ owner: owners, ms: fc.integer({ min: 0, max: LONGEST_MS }) });

test("among accounts that wait continuously, none gets ahead of another by more than the longest item", () => {
  fc.assert(
    fc.property(fc.array(additions, { maxLength: 200 }), (added) => {
      const queue = new FairQueue<Item>();
      const waiting = new Map<string, number>();
      for (const [number, { owner, ms }] of added.entries()) {
        queue.add({ ...owner, number, ms }, owner);
        waiting.set(owner.account, (waiting.get(owner.account) ?? 0) + 1);
      }
      const had = new Map([...waiting.keys()].map((account) => [account, 0]));
      while (queue.size > 0) {
        const { account, ms } = serve(queue);
        had.set(account, (had.get(account) as number) + ms);
        const left = (waiting.get(account) as number) - 1;
        waiting.set(account, left);
        // An account with nothing waiting is no longer compared: it asks for no more.
        if (left === 0) had.delete(account);
        const all = [...had.values()];
        if (all.length > 1) expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(LONGEST_MS);
      }
    }),
    { numRuns: tries(100) },
  );
});

test("items of one member keep their order and none is lost, in any order of adding and serving", () => {
  fc.assert(
    fc.property(fc.array(fc.option(additions), { maxLength: 300 }), (steps) => {
      const queue = new FairQueue<Item>();
      const waiting = new Map<string, Item[]>();
      const keyOf = ({ account, member }: Pick<Item, "account" | "member">) => `${account}/${member}`;
      const serveOne = () => {
        const item = serve(queue);
        expect(waiting.get(keyOf(item))?.shift()).toEqual(item);
      };
      for (const [number, step] of steps.entries()) {
        if (step) {
          const item = { ...step.owner, number, ms: step.ms };
          waiting.set(keyOf(item), [...(waiting.get(keyOf(item)) ?? []), item]);
          queue.add(item, step.owner);
        } else if (queue.size > 0) serveOne();
      }
      while (queue.size > 0) serveOne();
      expect([...waiting.values()].flat()).toEqual([]);
    }),
    { numRuns: tries(100) },
  );
});
