import { expect, test } from "bun:test";
import { tries } from "../support/tries.ts";
import { proveSecrecy } from "./two-worlds.ts";

// A few stories; test/endurance/laws/visibility.endurance.ts lives many.

const STORIES = tries(1);

test("nobody learns, by answers, histories, topics or messages, what only a super admin may read, whatever rules they store", async () => {
  expect(await proveSecrecy("admin", STORIES, 280_000)).toBeGreaterThan(STORIES * 50);
}, 300_000);

test("nobody who shows something learns what a reader of another account brings along", async () => {
  expect(await proveSecrecy("partner", STORIES, 280_000)).toBeGreaterThan(STORIES * 50);
}, 300_000);
