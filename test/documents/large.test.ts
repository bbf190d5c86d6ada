import { expect, test } from "bun:test";
import { DomainError } from "../../src/kernel/failure.ts";
import { Turns } from "../../src/kernel/turns.ts";
import { openWorld } from "../support/world.ts";

test("whoever writes a small document does not stand behind everybody who patches a large one", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const twin = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
  const path = (name: string) => `/twins/${twin}/documents/${name}`;
  const large = Array.from({ length: 12 }, (_, index) => `large-${index}`);
  for (const name of large) await caller.call("PUT", path(name), { data: { list: Array(50_000).fill("x") } });

  const done: string[] = [];
  const write = async (name: string, method: string) => {
    const { status } = await caller.call(method, path(name), { data: { a: 1 } });
    expect(status).toBe(200);
    done.push(name);
  };
  await Promise.all([...large.map((name) => write(name, "PATCH")), write("small", "PUT")]);
  expect(done.indexOf("small")).toBeLessThan(3);
  expect(done.filter((name) => name !== "small")).toEqual(large);
});

test("work that fails gives its turn on, and more than may wait is told to come back", async () => {
  const turns = new Turns();
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = turns.take(() => promise);
  const second = turns.take(() => Promise.reject(new Error("failed")));
  const waiting = Array.from({ length: 998 }, (_, index) => turns.take(async () => index));
  const late = (await turns.take(async () => 0).catch((error) => error)) as DomainError;
  expect(late).toBeInstanceOf(DomainError);
  expect(late.failure).toMatchObject({ code: "limited", kind: "rate" });
  resolve("done");
  expect(await first).toBe("done");
  expect(second).rejects.toThrow("failed");
  expect((await Promise.all(waiting)).at(-1)).toBe(997);
  expect(await turns.take(async () => "again")).toBe("again");
});
