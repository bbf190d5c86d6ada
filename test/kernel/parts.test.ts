import { expect, test } from "bun:test";
import fc from "fast-check";
import { conflict, DomainError } from "../../src/kernel/failure.ts";
import { writeInParts } from "../../src/kernel/fairness/parts.ts";
import { tries } from "../support/tries.ts";

type Outcome = { written: number } | { refused: number; message: string };

/** Writes numbers that serve as their own weights, and returns the written parts and the outcomes. */
async function write(items: number[], refuseFrom = Number.POSITIVE_INFINITY) {
  const parts: number[][] = [];
  const outcomes = await writeInParts<number, Outcome>({
    items,
    weightOf: (item) => item,
    write: async (part) => {
      if (parts.length >= refuseFrom) throw conflict("busy", "no more");
      parts.push(part);
      return part.map((item) => ({ written: item }));
    },
    refuse: (item, message) => ({ refused: item, message }),
  });
  return { parts, outcomes };
}

test("items are written in parts within the weight limit, each item once and in order", async () => {
  const weights = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(weights, async (items) => {
      const { parts, outcomes } = await write(items);
      expect(outcomes).toEqual(items.map((item) => ({ written: item })));
      expect(parts.flat()).toEqual(items);
      for (const part of parts) {
        if (part.length > 1) expect(part.reduce((sum, item) => sum + item, 0)).toBeLessThanOrEqual(32);
      }
    }),
    { numRuns: tries(50) },
  );
});

test("an empty list is still written as one empty command, which checks the caller", async () => {
  expect((await write([])).parts).toEqual([[]]);
});

test("a request whose first part is refused is refused", async () => {
  await expect(write([1, 2], 0)).rejects.toBeInstanceOf(DomainError);
});

test("once a part is written, later refusals are reported per item", async () => {
  const { outcomes } = await write([60, 60, 1, 60], 1);
  expect(outcomes).toEqual([
    { written: 60 },
    { refused: 60, message: "no more" },
    { refused: 1, message: "no more" },
    { refused: 60, message: "no more" },
  ]);
});
