import { expect, test } from "bun:test";
import { DomainError } from "../../src/kernel/failure.ts";
import { AccountSerialQueues } from "../../src/kernel/fairness/account-serial-queues.ts";

const loud = { account: "loud", member: "a" };
const quiet = { account: "quiet", member: "a" };

test("an account does one piece of work at a time, and does not wait for other accounts", async () => {
  const turns = new AccountSerialQueues();
  const { promise: never } = Promise.withResolvers<string>();
  const second = { begun: false };
  void turns.take(loud, () => never);
  void turns.take(loud, async () => {
    second.begun = true;
  });
  expect(await turns.take(quiet, async () => "done")).toBe("done");
  expect(await turns.take(quiet, async () => "again")).toBe("again");
  expect(second.begun).toBe(false);
});

test("work that fails passes its turn on, and work beyond the waiting limit is refused for its account only", async () => {
  const turns = new AccountSerialQueues();
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = turns.take(loud, () => promise);
  const failing = turns.take(loud, () => Promise.reject(new Error("failed")));
  const waiting = Array.from({ length: 499 }, (_, index) => turns.take(loud, async () => index));
  const late = (await turns.take(loud, async () => 0).catch((error) => error)) as DomainError;
  expect(late).toBeInstanceOf(DomainError);
  expect(late.failure).toMatchObject({ code: "limited", kind: "rate" });
  expect(await turns.take(quiet, async () => "not refused")).toBe("not refused");
  resolve("done");
  expect(await first).toBe("done");
  await expect(failing).rejects.toThrow("failed");
  expect((await Promise.all(waiting)).at(-1)).toBe(498);
  expect(await turns.take(loud, async () => "again")).toBe("again");
});
