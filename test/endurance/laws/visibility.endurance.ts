import { expect, test } from "bun:test";
import { proveSecrecy } from "../../policy/two-worlds.ts";
import { proveVisibility, proveWrites } from "../../policy/visibility.ts";

const WORLDS = 40;
const TIME_LIMIT_MS = 900_000;

test("every user sees exactly what rules and visibility permit, in many worlds", async () => {
  expect(await proveVisibility(WORLDS, TIME_LIMIT_MS)).toBeGreaterThan(WORLDS * 1000);
}, 1_000_000);

test("no user changes what rules deny them, in many worlds", async () => {
  const { done, refused } = await proveWrites(WORLDS, TIME_LIMIT_MS);
  expect(Math.min(done, refused)).toBeGreaterThan(WORLDS);
}, 1_000_000);

test("no user learns what only another may read, in many stories", async () => {
  expect(await proveSecrecy("admin", WORLDS * 4, TIME_LIMIT_MS)).toBeGreaterThan(WORLDS * 200);
}, 1_000_000);

test("no user who shows something learns what its reader may read, in many stories", async () => {
  expect(await proveSecrecy("partner", WORLDS * 4, TIME_LIMIT_MS)).toBeGreaterThan(WORLDS * 200);
}, 1_000_000);
