import { expect, test } from "bun:test";
import { openNotified } from "../support/notifications/open-notified.ts";
import type { Json } from "../support/world/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("deliveries are listed newest first, filtered, page by page", async () => {
  await using notified = await openNotified();
  const { company, twin, world } = notified;
  const { uuid } = await notified.confirmed();
  await notified.confirmed(company, { topic: "blue" });
  const other = crypto.randomUUID();
  for (let n = 0; n < 7; n++) {
    await notified.publish({ n }, { topics: [n % 2 === 0 ? "red" : "blue"], twinId: n < 3 ? twin : other });
    await notified.pass(SECOND);
  }
  const numbersOf = async (query: string) =>
    (await notified.deliveries(query)).map(({ topic, number }: Json) => `${topic} ${number ?? "-"}`);
  expect(await numbersOf("")).toEqual([
    "red 4",
    "blue 3",
    "red 3",
    "blue 2",
    "red 2",
    "blue 1",
    "red 1",
    "blue -",
    "red -",
  ]);
  expect(await numbersOf(`?subscription=${uuid}`)).toEqual(["red 4", "red 3", "red 2", "red 1", "red -"]);
  expect(await numbersOf("?topic=blue&trigger=sticker.put")).toEqual(["blue 3", "blue 2", "blue 1"]);
  expect(await numbersOf(`?twin=${twin}`)).toEqual(["red 2", "blue 1", "red 1"]);
  expect(await numbersOf("?state=waiting")).toEqual([]);
  const start = world.clock.now() / 1000;
  expect(await numbersOf(`?ge=${start - 3}&le=${start - 2}`)).toEqual(["red 3", "blue 3"].reverse());
  const pages: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { body } = await company.call(
      "GET",
      `/notifications/deliveries?limit=2&cursor=${encodeURIComponent(cursor)}`,
    );
    pages.push(body.deliveries.map(({ topic, number }: Json) => `${topic}${number ?? "-"}`).join());
    cursor = body.cursor;
  }
  expect(pages).toEqual(["red4,blue3", "red3,blue2", "red2,blue1", "red1,blue-", "red-"]);
  for (const query of ["?limit=0", "?limit=101", "?state=lost", "?cursor=x", "?twin=x", "?ge=x"]) {
    expect([query, (await company.call("GET", `/notifications/deliveries${query}`)).body.subcode]).toEqual([
      query,
      400_592,
    ]);
  }
});

test("deliveries are kept as long as the setting says, waiting ones longer", async () => {
  await using notified = await openNotified({ "deliveries-keep": "2D" });
  const { world, receiver } = notified;
  world.scheduler.start();
  await notified.confirmed();
  await notified.publish();
  receiver.state.respond = () => new Response("", { status: 500 });
  await notified.publish();
  await notified.pass(2 * DAY - 2 * HOUR, HOUR);
  expect((await notified.deliveries()).length).toBe(3);
  await notified.pass(4 * HOUR, HOUR);
  expect((await notified.deliveries()).map(({ state }: Json) => state)).toEqual(["waiting"]);
  await notified.pass(2 * DAY, HOUR);
  expect(await notified.deliveries()).toEqual([]);
  expect(world.query("SELECT count(*) AS count FROM delivery_attempts")).toEqual([{ count: 0 }]);
});
