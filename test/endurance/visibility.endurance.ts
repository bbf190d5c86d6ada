import { expect, test } from "bun:test";
import { proveVisibility, proveWrites } from "../policy/visibility.ts";

const WORLDS = 40;
const TIME_LIMIT_MS = 900_000;

test("everybody sees exactly what rules and visibility let through, in many worlds", async () => {
  expect(await proveVisibility(WORLDS, TIME_LIMIT_MS)).toBeGreaterThan(WORLDS * 1000);
}, 1_000_000);

test("nobody changes what their rules keep from them, in many worlds", async () => {
  const { done, refused } = await proveWrites(WORLDS, TIME_LIMIT_MS);
  expect(Math.min(done, refused)).toBeGreaterThan(WORLDS);
}, 1_000_000);
