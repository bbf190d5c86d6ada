import { expect, test } from "bun:test";
import { survives } from "./survives.ts";

test("5 000 packets changed at random are decoded or refused, and nothing else happens", () => {
  const { read, refused } = survives(7, 5_000);
  expect(read).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(500);
});
