import { expect, test } from "bun:test";
import { openWorld, type World } from "../support/world/world.ts";

/** Three twins, and helpers to refer from one to the other. */
async function openChain(world: World) {
  const meter = await world.createAccount();
  const create = async () => (await meter.call("POST", "/twins", {})).body.creation_certificate.uuid as string;
  const [x, y, z] = [await create(), await create(), await create()];
  return {
    meter,
    x,
    y,
    z,
    to: (twin: string, name: string) => ({ ref: { source: `twin://${twin}/${meter.account}/${name}` } }),
    write: (method: "POST" | "PATCH", twin: string, entries: object) =>
      meter.call(method, `/twins/${twin}/ledgers/personal`, { entries }),
    async status(twin: string, name: string) {
      await world.scheduler.settled();
      const { body } = await meter.call("GET", `/twins/${twin}/ledgers/personal`);
      return body.entries[name].ref.status;
    },
  };
}

test("references to a loop follow it when it is opened, even to a source that does not exist", async () => {
  await using world = await openWorld();
  world.scheduler.start();
  const { x, y, z, to, write, status } = await openChain(world);
  await write("POST", x, { a: to(y, "b") });
  await write("POST", y, { b: to(x, "a") });
  await write("POST", z, { c: to(y, "b") });
  for (const [twin, name] of [
    [x, "a"],
    [y, "b"],
    [z, "c"],
  ] as const) {
    expect(await status(twin, name)).toBe("loop_detected");
  }

  await write("PATCH", x, { a: to(y, "missing") });
  expect(await status(x, "a")).toBe("not_found");
  expect(await status(y, "b")).toBe("not_found");
  expect(await status(z, "c")).toBe("not_found");
});

test("a reference to a reference gets a new status when its source's source is deleted, although both values are null", async () => {
  await using world = await openWorld();
  world.scheduler.start();
  const { x, y, z, to, write, status } = await openChain(world);
  await write("POST", x, { empty: { value: null } });
  await write("POST", y, { b: to(x, "empty") });
  await write("POST", z, { c: to(y, "b") });
  expect(await status(z, "c")).toBe("ok");

  await write("PATCH", y, { b: to(x, "missing") });
  expect(await status(y, "b")).toBe("not_found");
  expect(await status(z, "c")).toBe("not_found");
});
