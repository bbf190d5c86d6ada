import { expect, test } from "bun:test";
import { proveVisibility, proveWrites } from "./visibility.ts";

// A few worlds; test/endurance/laws/visibility.endurance.ts looks at many.

test("everybody sees exactly what rules and visibility let through, whatever the world and however they ask", async () => {
  expect(await proveVisibility(1, 45_000)).toBeGreaterThan(1_500);
}, 60_000);

test("nobody changes what their rules keep from them, nor makes of anything what they would", async () => {
  const { done, refused } = await proveWrites(3, 45_000);
  expect(Math.min(done, refused)).toBeGreaterThan(7);
}, 60_000);
