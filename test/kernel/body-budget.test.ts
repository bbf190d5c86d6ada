import { expect, test } from "bun:test";
import { BodyBudget } from "../../src/kernel/fairness/body-budget.ts";

const mebibytes = (count: number) => count * 1024 * 1024;
const loud = { account: "loud", member: "a" };
const quiet = { account: "quiet", member: "a" };

test("an account may have a quarter of the memory, and no more than it leaves free", () => {
  const budget = new BodyBudget();
  const releases = ["a", "b", "c"].map((account) => budget.reserve(mebibytes(16), account));
  expect(() => budget.reserve(1, "a")).toThrow("Too many large requests");
  // 16 MiB are free: d may have half of that, e half of the rest, and so on.
  for (const [account, most] of [
    ["d", 8],
    ["e", 4],
    ["f", 2],
  ] as const) {
    expect(() => budget.reserve(mebibytes(most) + 1, account)).toThrow("Too many large requests");
    releases.push(budget.reserve(mebibytes(most), account));
  }
  budget.reserve(mebibytes(1), "latecomer")();
  for (const release of releases) release();
  budget.reserve(mebibytes(16), "d")();
});

test("a body's reservation grows while it arrives, and all of it is released", () => {
  const budget = new BodyBudget();
  const holds = Array.from({ length: 64 }, () => budget.hold("a"));
  for (const hold of holds) hold.grow(1);
  const [first] = holds;
  first?.grow(mebibytes(15));
  expect(() => first?.grow(mebibytes(1))).toThrow("Too many large requests");
  for (const hold of holds) hold.release();
  budget.reserve(mebibytes(16), "a")();
});

test("large bodies begin one per turn of the event loop, the least served account first", async () => {
  const budget = new BodyBudget();
  const begun: string[] = [];
  let turn = 0;
  const counting = setInterval(() => turn++, 0);
  const work = (name: string) => async () => {
    begun.push(name);
    for (const end = performance.now() + 1; performance.now() < end; );
  };
  const all = Array.from({ length: 30 }, () => budget.work(60_000, loud, work("loud")));
  all.push(budget.work(60_000, quiet, work("quiet")));
  await Promise.all(all);
  clearInterval(counting);
  expect(begun.length).toBe(31);
  expect(begun.indexOf("quiet")).toBeLessThan(3);
  expect(turn).toBeGreaterThan(10);
});

test("an account with a huge body in progress does not delay other accounts' huge bodies", async () => {
  const budget = new BodyBudget();
  const { promise: never } = Promise.withResolvers<void>();
  const second = { begun: false };
  void budget.work(mebibytes(1), loud, () => never);
  void budget.work(mebibytes(1), loud, async () => {
    second.begun = true;
  });
  expect(await budget.work(mebibytes(1), quiet, async () => "done")).toBe("done");
  expect(second.begun).toBe(false);
});
