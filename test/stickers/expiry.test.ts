import { expect, test } from "bun:test";
import { Scheduler } from "../../src/jobs/scheduler.ts";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { roomJobs } from "../../src/rooms.ts";
import { expireStickers } from "../../src/stickers/expire-stickers.ts";
import { newTwin } from "../support/world/ledger.ts";
import { journal, messages, published } from "../support/world/published-messages.ts";
import { openStickers } from "../support/world/sticker.ts";
import type { Json } from "../support/world/world.ts";

const PUBLISH = { on_put: ["put"], on_remove: ["removed"], on_expire: ["expired"] };

test("an expired sticker is in no response and cannot be removed, even before the job has run", async () => {
  await using opened = await openStickers();
  const { world, desk, path, recipients, put, get, list, remove, seconds } = opened;
  await put({ red: { recipients, validity_ts: seconds() + 60, publish: PUBLISH } });
  world.clock.advance(59_999);
  expect((await get(desk, "red")).status).toBe(200);
  world.clock.advance(1);
  expect((await get(desk, "red")).status).toBe(404);
  expect((await desk.call("GET", path)).body).toEqual({ accounts: {} });
  expect(await list(desk, "?context=system")).toEqual([]);
  const late = await remove(desk, "red");
  expect([late.status, late.body.description]).toEqual([404, "Sticker not found."]);
  expect(messages(world)).toEqual(["sticker.put to put"]);

  await world.store.write(expireStickers, SYSTEM, { limit: 10 });
  expect(messages(world)).toEqual(["sticker.put to put", "sticker.expired to expired"]);
});

test("the event of an expiry is written at the exact instant, with the sticker as it was", async () => {
  await using opened = await openStickers();
  const { world, company, twin, recipients, put, seconds } = opened;
  world.scheduler.start();
  const created_ts = seconds();
  const end = world.clock.now() + 90_500;
  await put({ red: { note: "Leak", recipients, validity_ts: end / 1000, publish: PUBLISH }, blue: { recipients } });
  await world.scheduler.settled();
  world.clock.advance(90_499);
  await world.scheduler.settled();
  expect(journal(world, "sticker.expired")).toEqual([]);
  world.clock.advance(1);
  await world.scheduler.settled();
  const [expired, ...others] = journal(world, "sticker.expired");
  expect([expired.occurred_at, expired.actor_kind, others]).toEqual([end, "system", []]);
  expect(expired.data).toEqual({ stickers: { red: { note: "Leak", validity_ts: end / 1000, created_ts } } });
  expect(published(world).at(-1)).toEqual({
    account: company.account,
    twin,
    trigger: "sticker.expired",
    topics: ["expired"],
    event: { color: "red", note: "Leak", validity_ts: end / 1000, created_ts, account: company.account },
  });
});

test("a sticker put later but due sooner expires on time, and the timer moves on from one to the next", async () => {
  await using opened = await openStickers();
  const { world, recipients, put, remove, desk } = opened;
  world.scheduler.start();
  const start = world.clock.now();
  const due = (ms: number) => ({ recipients, validity_ts: (start + ms) / 1000 });
  await put({ late: due(50_000), gone: due(20_000) });
  await put({ soon: due(10_000), soonest: due(5001) });
  await remove(desk, "gone");
  await world.scheduler.settled();
  for (let i = 0; i < 600; i++) {
    world.clock.advance(100);
    if (i % 50 === 0 || i === 100 || i === 500) await world.scheduler.settled();
  }
  await world.scheduler.settled();
  const seen = journal(world, "sticker.expired").flatMap(({ data, occurred_at }) =>
    Object.keys(data.stickers).map((color) => [color, occurred_at - start]),
  );
  expect(seen.map(([color]) => color)).toEqual(["soonest", "soon", "late"]);
  expect(world.query("SELECT count(*) AS count FROM sticker_recipients")).toEqual([{ count: 0 }]);
});

test("an expiry that fell due while the server was stopped is published when it starts, once", async () => {
  await using opened = await openStickers();
  const { world, desk, recipients, put, seconds } = opened;
  await put({ red: { recipients, validity_ts: seconds() + 60, publish: PUBLISH } });
  world.clock.advance(3_600_000);
  const restart = async () => {
    const scheduler = new Scheduler(world.deps, roomJobs());
    scheduler.start();
    await scheduler.settled();
    await scheduler.stop();
  };
  await restart();
  await restart();
  expect(messages(world)).toEqual(["sticker.put to put", "sticker.expired to expired"]);
  expect(journal(world, "sticker.expired").map(({ occurred_at }) => occurred_at)).toEqual([world.clock.now()]);
  const headers = { authorization: desk.authorization };
  const request = new Request("http://twinpost.test/stickers", { headers });
  const answer = await world.server.handle(request, () => "192.0.2.1");
  expect(await answer.json()).toEqual({ stickers: [] });
});

test("a color that is due but not swept is free: the old sticker expires first, in the same request", async () => {
  await using opened = await openStickers();
  const { world, desk, recipients, put, get, seconds } = opened;
  await put({ red: { note: "Old", recipients, validity_ts: seconds() + 60, publish: PUBLISH }, blue: { recipients } });
  world.clock.advance(60_000);
  const { stickers } = (await put({ red: { note: "New", recipients, publish: PUBLISH }, blue: { recipients } })).body;
  expect([stickers.red.note, stickers.blue]).toEqual(["New", { error: "Sticker already exists." }]);
  expect((await get(desk, "red")).body.note).toBe("New");
  expect(messages(world)).toEqual(["sticker.put to put", "sticker.expired to expired", "sticker.put to put"]);
  expect(await world.store.write(expireStickers, SYSTEM, { limit: 10 })).toMatchObject({ done: 0, more: false });
  expect(journal(world, "sticker.expired")[0]).toMatchObject({ actor_kind: "system" });
});

test("many due stickers expire in slices, on each twin oldest first, and each is published once even if two sweeps overlap", async () => {
  await using opened = await openStickers();
  const { world, recipients, put, seconds } = opened;
  const names = Array.from({ length: 40 }, (_, i) => `s${String(i).padStart(2, "0")}`);
  const wish = (i: number) => ({ recipients, validity_ts: seconds() + 100 - i, publish: { on_expire: "gone" } });
  await put(Object.fromEntries(names.map((name, i) => [name, wish(i)])));
  world.clock.advance(100_000);
  const sweeps = Array.from({ length: 5 }, () => world.store.write(expireStickers, SYSTEM, { limit: 15 }));
  expect(await Promise.all(sweeps)).toMatchObject([
    { done: 15, more: true },
    { done: 15, more: true },
    { done: 10, more: false },
    { done: 0, more: false },
    { done: 0, more: false },
  ]);
  expect(journal(world, "sticker.expired").flatMap(({ data }) => Object.keys(data.stickers))).toEqual(
    names.toReversed(),
  );
  expect(published(world).map(({ event }: Json) => event.color)).toEqual(names.toReversed());
});

test("stickers due on one twin are published together, beginning with the twin of the longest due one", async () => {
  await using opened = await openStickers();
  const { world, company, recipients, seconds } = opened;
  const [first, second] = [await newTwin(company), await newTwin(company)];
  const on = (twin: string, after: number[]) => {
    const wish = (at: number) => ({ recipients, validity_ts: seconds() + at, publish: PUBLISH });
    return company.call("POST", `/twins/${twin}/stickers`, {
      stickers: Object.fromEntries(after.map((at) => [`s${at}`, wish(at)])),
    });
  };
  await on(first, [1, 3, 5, 7, 9]);
  await on(second, [2, 4, 6, 8, 10, 99]);
  world.clock.advance(10_000);
  for (let slice = 0; slice < 4; slice++) await world.store.write(expireStickers, SYSTEM, { limit: 4 });
  const told = journal(world, "sticker.expired").map(({ twin_id, data }) => [twin_id, Object.keys(data.stickers)]);
  expect(told).toEqual([
    [first, ["s1", "s3", "s5", "s7"]],
    [second, ["s2", "s4", "s6", "s8"]],
    [first, ["s9"]],
    [second, ["s10"]],
  ]);
});

test("an expiry that cannot be stored is retried at once, not at the next tick", async () => {
  await using opened = await openStickers();
  const { world, recipients, put, seconds } = opened;
  await put({ red: { recipients, validity_ts: seconds() + 10, publish: PUBLISH } });
  let refusals = 2;
  const store = {
    ...world.store,
    write: ((...args: Parameters<typeof world.store.write>) =>
      refusals-- > 0 ? Promise.reject(new Error("no room")) : world.store.write(...args)) as typeof world.store.write,
  };
  const scheduler = new Scheduler(
    { ...world.deps, store },
    roomJobs().filter(({ name }) => name === "expire_stickers"),
  );
  scheduler.start();
  const end = world.clock.now() + 10_000;
  for (let i = 0; i < 11; i++) {
    world.clock.advance(i === 0 ? 10_000 : 100);
    await scheduler.settled();
  }
  await scheduler.stop();
  expect(world.logged.filter(({ event }) => event === "job.failed").length).toBe(2);
  expect(journal(world, "sticker.expired").map(({ occurred_at }) => occurred_at)).toEqual([end + 1000]);
});
