import { expect, test } from "bun:test";
import fc from "fast-check";
import { type RequestKind, RequestOrder } from "../../../src/mqtt/twins/request-order.ts";

/** A store as requests see it: what has begun takes effect in order, a moment later. */
class Effects {
  readonly done: number[] = [];
  readonly #queue: (() => void)[] = [];

  write(id: number): Promise<number> {
    return new Promise((resolve) => this.#queue.push(() => resolve(this.done.push(id))));
  }

  /** As after a commit: several take effect together. */
  commit(count: number): void {
    for (const settle of this.#queue.splice(0, count)) settle();
  }

  get waiting(): number {
    return this.#queue.length;
  }
}

test("for any requests, effects and answers are in order, and each read sees exactly the effects before it", async () => {
  const kind = fc.constantFrom<RequestKind>("write", "laborious", "read");
  const script = fc.array(fc.oneof(kind, fc.integer({ min: 0, max: 3 })), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const order = new RequestOrder();
      const effects = new Effects();
      const turns: (() => void)[] = [];
      const answered: number[] = [];
      const seen: [read: number, writes: number[]][] = [];
      const expected: [read: number, writes: number[]][] = [];
      const writes: number[] = [];
      const taken: Promise<unknown>[] = [];
      const perform = async (id: number, kind: RequestKind) => {
        if (kind === "read") return void seen.push([id, [...effects.done]]);
        // A laborious request waits for a turn before it reaches the store.
        if (kind === "laborious") await new Promise<void>((turn) => turns.push(turn));
        await effects.write(id);
      };
      const settle = () => new Promise((done) => setImmediate(done));
      for (const [id, step] of steps.entries()) {
        if (typeof step === "number") {
          turns.shift()?.();
          await settle();
          effects.commit(step);
          await settle();
          continue;
        }
        if (step === "read") expected.push([id, [...writes]]);
        else writes.push(id);
        taken.push(
          order.take(
            () => step,
            () => perform(id, step),
            () => answered.push(id),
          ),
        );
      }
      await settle();
      while (turns.length + effects.waiting > 0) {
        turns.shift()?.();
        await settle();
        effects.commit(2);
        await settle();
      }
      await Promise.all(taken);
      expect(effects.done).toEqual(writes);
      expect(seen).toEqual(expected);
      expect(answered).toEqual(answered.toSorted((a, b) => a - b));
      expect(answered.length).toBe(taken.length);
      expect(order.unanswered).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test("small writes do not wait for each other; a request after an expensive one waits for it", async () => {
  const order = new RequestOrder();
  const begun: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const take = (id: number, kind: RequestKind) =>
    order.take(
      () => kind,
      () => {
        begun.push(id);
        return promise;
      },
      () => {},
    );
  const all = [take(1, "write"), take(2, "write"), take(3, "laborious"), take(4, "write"), take(5, "read")];
  expect([begun, order.unanswered]).toEqual([[1, 2, 3], 5]);
  resolve();
  await Promise.all(all);
  expect(begun).toEqual([1, 2, 3, 4, 5]);
});
