import { expect, test } from "bun:test";
import { TURN_PACKETS, WorkWindow } from "../../../src/mqtt/flow/work-window.ts";

const MAX = 64;

/** Connections that send as much as they may, in the window of their account. */
function openReaders(count: number, unused = () => {}) {
  const window = new WorkWindow(MAX, unused);
  const working: { reader: number; end: () => void }[] = [];
  const brought = new Array<number>(count).fill(0);
  const bring = (reader: number) => {
    window.begin(10);
    brought[reader] = (brought[reader] as number) + 1;
    working.push({ reader, end: () => window.end(10) });
  };
  const readers = brought.map((_, reader) => ({
    admit() {
      for (let left = TURN_PACKETS; left > 0 && !window.isFull; left--) bring(reader);
      window.wait(readers[reader] as { admit(): void });
    },
  }));
  for (const reader of readers) {
    window.join();
    reader.admit();
  }
  return { window, readers, working, brought };
}

test("connections that all send more than there is room for take turns, and none starves", () => {
  const { window, working, brought } = openReaders(40);
  expect([working.length, window.isFull]).toEqual([MAX, true]);
  for (let done = 0; done < 40 * 100; done++) working.shift()?.end();
  expect(working.length).toBeGreaterThan(MAX - TURN_PACKETS);
  expect(working.length).toBeLessThanOrEqual(MAX);
  const [least, most] = [Math.min(...brought), Math.max(...brought)];
  expect(least).toBeGreaterThan(80);
  expect(most - least).toBeLessThanOrEqual(2 * TURN_PACKETS);
});

test("connections with nothing to read in their turn do not delay others", () => {
  const window = new WorkWindow(MAX, () => {});
  for (let i = 0; i < MAX; i++) window.begin(1);
  const admitted: number[] = [];
  for (let i = 0; i < 10; i++) window.wait({ admit: () => admitted.push(i) });
  for (let i = 0; i < TURN_PACKETS; i++) window.end(1);
  expect(admitted).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("many small requests or a few large ones fill the window", () => {
  const window = new WorkWindow(MAX, () => {});
  window.begin(4 * 1024 * 1024);
  expect(window.isFull).toBe(true);
  window.end(4 * 1024 * 1024);
  expect(window.isFull).toBe(false);
});

test("a window without connections and requests is removed", () => {
  let unused = 0;
  const { window, readers, working } = openReaders(3, () => unused++);
  for (const reader of readers) window.leave(reader);
  expect(unused).toBe(0);
  while (working.length > 0) working.shift()?.end();
  expect(unused).toBe(1);
});
