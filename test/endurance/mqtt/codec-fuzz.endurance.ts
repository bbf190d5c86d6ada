import { expect, test } from "bun:test";
import { survives } from "../../mqtt/wire/survives.ts";

test("1 000 000 packets changed at random are decoded or refused, and nothing else happens", () => {
  let [read, refused] = [0, 0];
  for (let seed = 100; seed < 150; seed++) {
    const counts = survives(seed, 20_000);
    read += counts.read;
    refused += counts.refused;
  }
  expect(Math.min(read, refused)).toBeGreaterThan(100_000);
}, 600_000);
