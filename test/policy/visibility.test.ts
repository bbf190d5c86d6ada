import { expect, test } from "bun:test";
import { proveVisibility, proveWrites } from "./visibility.ts";

// A few worlds; test/endurance/laws/visibility.endurance.ts checks many.

test("each user sees exactly what rules and visibility permit, in every world and by every request", async () => {
  expect(await proveVisibility(1, 45_000)).toBeGreaterThan(1_500);
}, 60_000);

test("users cannot change what their rules hide from them, nor make a change that would hide the result from them", async () => {
  const { done, refused } = await proveWrites(3, 45_000);
  expect(Math.min(done, refused)).toBeGreaterThan(7);
}, 60_000);
