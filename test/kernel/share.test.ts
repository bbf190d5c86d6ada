import { expect, test } from "bun:test";
import fc from "fast-check";
import { inTurn, roomFor } from "../../src/kernel/share.ts";

/** The limits of deliveries and of look-ups, each with the number of greedy accounts that it takes to fill them. */
const SHARED = [
  [{ all: 512, most: 128, few: 8 }, 24],
  [{ all: 64, most: 4, few: 1 }, 24],
] as const;

test("accounts that take all they can and release nothing leave a place for the next one", () => {
  for (const [places, accounts] of SHARED) {
    const asking = fc.array(fc.nat(accounts - 1), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(asking, fc.boolean(), (order, oneByOne) => {
        const taken = new Map<number, number>();
        let free: number = places.all;
        for (const account of order) {
          const mine = taken.get(account) ?? 0;
          const room = Math.min(roomFor(mine, free, places), oneByOne ? 1 : places.all);
          taken.set(account, mine + room);
          free -= room;
          expect(mine + room).toBeLessThanOrEqual(places.most);
        }
        expect(roomFor(0, free, places)).toBeGreaterThan(0);
      }),
    );
  }
});

test("a single account gets up to its limit, and never more than it leaves free", () => {
  const places = { all: 512, most: 128, few: 8 };
  expect(roomFor(0, 512, places)).toBe(128);
  expect(roomFor(120, 392, places)).toBe(8);
  expect(roomFor(128, 384, places)).toBe(0);
  expect(roomFor(0, 512, { ...places, most: 1000 })).toBe(192);
  // The last quarter goes only to accounts that have few.
  expect([0, 5, 8, 9, 100].map((mine) => roomFor(mine, 128, places))).toEqual([8, 3, 0, 0, 0]);
  expect([3, 2, 1, 0].map((free) => roomFor(0, free, places))).toEqual([2, 1, 1, 0]);
});

test("accounts take turns, and the items of each keep their order", () => {
  expect(inTurn(["a1", "a2", "a3", "b1", "c1", "b2"], (item) => item[0] as string).join(" ")).toBe("a1 b1 c1 a2 b2 a3");
});
