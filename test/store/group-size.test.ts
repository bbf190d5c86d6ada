import { expect, test } from "bun:test";
import { GROUP_MAX, GroupSize } from "../../src/store/writer/group-size.ts";

/** Groups of a command a tenth of a millisecond, on a disk that takes so long. */
function learned(commitMs: number): GroupSize {
  const size = new GroupSize();
  for (let group = 0; group < 100; group++) size.learn(30, 3, commitMs);
  return size;
}

test("of a long queue half is left for the next group, so that whoever is answered and the writer work at the same time", () => {
  expect([40, 41, 200].map((waiting) => learned(0.5).next(waiting))).toEqual([20, 21, 100]);
});

test("so many go together as take as long as the disk does: a slow one is waited for seldom", () => {
  const sizes = (commitMs: number) => [1, 40, 200].map((waiting) => learned(commitMs).next(waiting));
  expect(sizes(0.45)).toEqual([5, 20, 100]);
  expect(sizes(5.95)).toEqual([60, 60, 100]);
  expect(sizes(30)).toEqual([GROUP_MAX, GROUP_MAX, GROUP_MAX]);
});

test("no group is larger than the most, and none is empty", () => {
  expect(learned(0.5).next(16_384)).toBe(GROUP_MAX);
  expect(learned(0.001).next(1)).toBe(1);
});

test("a disk that has become slower is believed after some groups, not after one", () => {
  const size = learned(0.5);
  size.learn(30, 3, 8);
  expect(size.next(1)).toBeLessThan(20);
  for (let group = 0; group < 30; group++) size.learn(30, 3, 8);
  expect(size.next(1)).toBeGreaterThan(70);
});
