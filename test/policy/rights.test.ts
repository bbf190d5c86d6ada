import { expect, test } from "bun:test";
import { tries } from "../support/tries.ts";
import { proveSecrecy } from "./two-worlds.ts";

// A few stories; test/endurance/laws/visibility.endurance.ts runs many.

const STORIES = tries(1);

test("answers, histories, topics and messages reveal to other users nothing that only a super admin may read, regardless of the rules that these users store", async () => {
  expect(await proveSecrecy("admin", STORIES, 280_000)).toBeGreaterThan(STORIES * 50);
}, 300_000);

test("a user who makes things visible learns nothing of what a reader of another account brings along", async () => {
  expect(await proveSecrecy("partner", STORIES, 280_000)).toBeGreaterThan(STORIES * 50);
}, 300_000);
