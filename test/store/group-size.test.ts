import { expect, test } from "bun:test";
import { GROUP_MAX, GroupSize } from "../../src/store/writer/group-size.ts";

/** The size learned from groups with commands of 0.1 ms, on a disk whose commits take `commitMs`. */
function learned(commitMs: number): GroupSize {
  const size = new GroupSize();
  for (let group = 0; group < 100; group++) size.learn(30, 3, commitMs);
  return size;
}

test("half of a long queue is left for the next group, so that callers and the writer work at the same time", () => {
  expect([40, 41, 200].map((waiting) => learned(0.5).next(waiting))).toEqual([20, 21, 100]);
});

test("a group is at least as long as a commit takes, so that a slow disk is waited for less often", () => {
  const sizes = (commitMs: number) => [1, 40, 200].map((waiting) => learned(commitMs).next(waiting));
  expect(sizes(0.45)).toEqual([5, 20, 100]);
  expect(sizes(5.95)).toEqual([60, 60, 100]);
  expect(sizes(30)).toEqual([GROUP_MAX, GROUP_MAX, GROUP_MAX]);
});

test("no group exceeds the maximum, and none is empty", () => {
  expect(learned(0.5).next(16_384)).toBe(GROUP_MAX);
  expect(learned(0.001).next(1)).toBe(1);
});

test("a slower disk changes the group size after some groups, not after one", () => {
  const size = learned(0.5);
  size.learn(30, 3, 8);
  expect(size.next(1)).toBeLessThan(20);
  for (let group = 0; group < 30; group++) size.learn(30, 3, 8);
  expect(size.next(1)).toBeGreaterThan(70);
});
