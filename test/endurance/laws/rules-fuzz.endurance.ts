import { expect, test } from "bun:test";
import { survives } from "../../rules/survives.ts";

test("1 000 000 random texts decide or are refused as rules, and nothing else happens", () => {
  let [compiled, refused] = [0, 0];
  for (let seed = 100; seed < 150; seed++) {
    const counts = survives(seed, 20_000);
    compiled += counts.compiled;
    refused += counts.refused;
  }
  expect(compiled + refused).toBe(1_000_000);
  expect(Math.min(compiled, refused)).toBeGreaterThan(50_000);
}, 600_000);
