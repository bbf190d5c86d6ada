import { expect, test } from "bun:test";
import { FairSerialQueue } from "../../src/kernel/fairness/fair-serial-queue.ts";
import { FairSlices, UNFINISHED } from "../../src/kernel/fairness/fair-slices.ts";

const loud = { account: "loud", member: "a" };
const quiet = { account: "quiet", member: "a" };

test("work runs one at a time, the least served account first", async () => {
  const turns = new FairSerialQueue();
  const done: string[] = [];
  let working = 0;
  const work = (name: string) => async () => {
    expect(++working).toBe(1);
    for (const end = performance.now() + 1; performance.now() < end; );
    await new Promise<void>((resolve) => setImmediate(resolve));
    working--;
    done.push(name);
  };
  const all = Array.from({ length: 20 }, () => turns.take(loud, work("loud")));
  all.push(turns.take(quiet, work("quiet")));
  await Promise.all(all);
  expect(done.indexOf("quiet")).toBeLessThan(3);
});

test("results and errors of work reach its caller", async () => {
  const turns = new FairSerialQueue();
  const refused = turns.take(loud, () => Promise.reject(new Error("refused")));
  const kept = turns.take(loud, async () => 7);
  await expect(refused).rejects.toThrow("refused");
  expect(await kept).toBe(7);
});

test("an account that fills its waiting places is refused; others are not", async () => {
  const turns = new FairSerialQueue();
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = Array.from({ length: 501 }, () => turns.take(loud, () => promise));
  await expect(turns.take(loud, () => promise)).rejects.toMatchObject({ failure: { code: "limited", kind: "rate" } });
  const other = turns.take(quiet, async () => "served");
  resolve();
  expect(await other).toBe("served");
  await Promise.all(waiting);
});

test("expensive reading runs in slices, between which timers and other work run", async () => {
  const slices = new FairSlices();
  const done: string[] = [];
  let steps = 0;
  const long = slices.run(loud, (isOver) => {
    steps++;
    while (!isOver());
    if (steps < 10) return UNFINISHED;
    done.push("loud");
    return steps;
  });
  const short = slices.run(quiet, () => done.push("quiet"));
  await Promise.race([long, new Promise<void>((resolve) => setTimeout(resolve, 0))]);
  expect(steps).toBeLessThan(10);
  expect(await long).toBe(10);
  await short;
  expect(done).toEqual(["quiet", "loud"]);
});

test("a step that throws rejects its own work, and other work continues", async () => {
  const slices = new FairSlices();
  const failed = slices.run(loud, () => {
    throw new Error("failed");
  });
  const done = slices.run(quiet, () => "done");
  await expect(failed).rejects.toThrow("failed");
  expect(await done).toBe("done");
});
