import { expect, test } from "bun:test";
import { tries } from "../support/tries.ts";
import { proveSecrecy } from "./two-worlds.ts";

// A few stories; test/endurance/visibility.endurance.ts lives many.

test("nobody learns, by answers, histories, topics or messages, what only another may read, whatever rules they store", async () => {
  const stories = tries(2);
  expect(await proveSecrecy(stories, 280_000)).toBeGreaterThan(stories * 50);
}, 300_000);
