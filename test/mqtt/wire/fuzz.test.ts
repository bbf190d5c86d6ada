import { expect, test } from "bun:test";
import { survives } from "./survives.ts";

test("20 000 packets changed at random are decoded or refused, and nothing else happens", () => {
  const { read, refused } = survives(7, 20_000);
  expect(read).toBeGreaterThan(2_000);
  expect(refused).toBeGreaterThan(2_000);
});
