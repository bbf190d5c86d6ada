import { expect, test } from "bun:test";
import { ByteWindow } from "../../src/kernel/fairness/byte-window.ts";

/** A window, and work in it that ends when the test says so. */
function openWindow(max: number, maxOfOne: number) {
  const window = new ByteWindow(max, maxOfOne);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const settle = async () => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return {
    begun,
    run(account: string, name: string, byteCount: number) {
      return window.run(account, byteCount, () => {
        begun.push(name);
        return new Promise<void>((done) => ends.set(name, done));
      });
    },
    async end(name: string) {
      ends.get(name)?.();
      await settle();
    },
    settle,
  };
}

test("an account has a limited number of bytes in progress, the rest waits in order, and other accounts do not wait for it", async () => {
  const { begun, run, end, settle } = openWindow(1000, 100);
  for (const name of ["a1", "a2", "a3", "a4"]) void run("a", name, 50);
  void run("b", "b1", 50);
  await settle();
  expect(begun).toEqual(["a1", "a2", "b1"]);
  await end("a2");
  expect(begun).toEqual(["a1", "a2", "b1", "a3"]);
  void run("a", "a5", 1);
  await end("a1");
  expect(begun).toEqual(["a1", "a2", "b1", "a3", "a4"]);
  await end("a3");
  expect(begun.at(-1)).toBe("a5");
});

test("an account never has more than it leaves free, and one with nothing in progress begins at once", async () => {
  const { begun, run, end, settle } = openWindow(100, 1000);
  for (const name of ["a1", "a2", "a3", "a4", "a5", "a6"]) void run("a", name, 10);
  await settle();
  expect(begun).toEqual(["a1", "a2", "a3", "a4", "a5"]);
  for (const name of ["b1", "b2", "b3"]) void run("b", name, 10);
  void run("c", "c1", 500);
  await settle();
  expect(begun.slice(5)).toEqual(["b1", "b2", "c1"]);
  await end("c1");
  await end("a1");
  expect(begun.slice(8)).toEqual(["b3"]);
});

test("work that fails releases its room", async () => {
  const window = new ByteWindow(100, 10);
  const failed = await window.run("a", 10, () => Promise.reject(new Error("failed"))).catch((error: Error) => error);
  expect((failed as Error).message).toBe("failed");
  expect(await window.run("a", 10, async () => "done")).toBe("done");
});
