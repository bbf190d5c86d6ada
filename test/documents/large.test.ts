import { expect, test } from "bun:test";
import { openWorld } from "../support/world/world.ts";

test("a write of a small document does not wait behind all patches of large ones", async () => {
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
