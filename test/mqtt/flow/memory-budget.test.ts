import { expect, test } from "bun:test";
import fc from "fast-check";
import { MEMORY_KINDS, MemoryBudget } from "../../../src/mqtt/flow/memory-budget.ts";

const MAX = 3_200_000;
const FLOOR = MAX / 32;

/** Takes as much as possible, and returns how much that was. */
function fill(budget: MemoryBudget, account: string, kind: (typeof MEMORY_KINDS)[number]): number {
  const memory = budget.of(account);
  const before = memory.bytes;
  while (memory.take(kind, 1000));
  return memory.bytes - before;
}

test("an account that takes all it can leaves as much free, however many accounts do so", () => {
  const budget = new MemoryBudget(MAX);
  const taken = ["a", "b", "c", "d", "e"].map((account) => fill(budget, account, "queued"));
  expect(taken).toEqual([1_200_000, 600_000, 300_000, 150_000, FLOOR]);
  // An account that has little is not refused.
  expect(budget.of("victim").take("subscriptions", FLOOR)).toBe(true);
});

test("lasting memory leaves room for messages", () => {
  const budget = new MemoryBudget(MAX);
  expect(fill(budget, "a", "subscriptions")).toBe(800_000);
  expect(fill(budget, "a", "queued")).toBe(400_000);
});

test("released memory is available again", () => {
  const budget = new MemoryBudget(MAX);
  const first = fill(budget, "a", "sending");
  expect(budget.of("a").take("sending", 1000)).toBe(false);
  budget.of("a").add("sending", -first);
  expect([budget.total, fill(budget, "a", "sending")]).toEqual([0, first]);
  budget.of("a").add("sending", -first);
  budget.forget("a");
  expect(budget.remembered).toBe(0);
});

test("requests never exceed the total, and the counts by kind and by account both add up to it", () => {
  const ask = fc.record({
    account: fc.constantFrom("a", "b", "c", "d"),
    kind: fc.constantFrom(...MEMORY_KINDS),
    bytes: fc.integer({ min: 1, max: MAX }),
  });
  fc.assert(
    fc.property(fc.array(ask, { maxLength: 100 }), (asks) => {
      const budget = new MemoryBudget(MAX);
      for (const { account, kind, bytes } of asks) budget.of(account).take(kind, bytes);
      const byKind = MEMORY_KINDS.reduce((sum, kind) => sum + budget.taken(kind), 0);
      const byAccount = ["a", "b", "c", "d"].reduce((sum, account) => sum + budget.of(account).bytes, 0);
      expect([byKind, byAccount]).toEqual([budget.total, budget.total]);
      expect(budget.total).toBeLessThanOrEqual(MAX);
    }),
  );
});
