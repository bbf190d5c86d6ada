import { expect, test } from "bun:test";
import { newestDelivery, openNotified, passAttempts, pathOf } from "../support/notifications/open-notified.ts";
import type { Json } from "../support/world/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("after a day's outage recovery delivers everything, in order for each twin, with the original ids", async () => {
  await using notified = await openNotified();
  const { world, company, twin, receiver } = notified;
  await notified.confirmed();
  receiver.state.respond = () => new Response("", { status: 500 });
  const since = world.clock.now() / 1000;
  const twins = [twin, crypto.randomUUID(), crypto.randomUUID()];
  for (let hour = 0; hour < 24; hour++) {
    for (const twinId of twins) await notified.publish({ hour }, { twinId });
    await notified.pass(HOUR);
  }
  const before = await notified.deliveries("?trigger=sticker.put");
  expect(before.map(({ state }: Json) => state)).toEqual(before.map(() => "waiting"));
  receiver.messages.length = 0;
  receiver.state.respond = () => new Response("", { status: 200 });
  const recovered = await company.call("POST", "/notifications/recover", { since });
  expect([recovered.status, recovered.body]).toEqual([201, { recovered: 72 }]);
  await world.deliverer.settled();
  expect(receiver.messages.length).toBe(72);
  for (const twinId of twins) {
    const hours = receiver.messages.filter(({ body }) => body.twin === twinId).map(({ body }) => body.event.hour);
    expect(hours).toEqual(Array.from({ length: 24 }, (_, hour) => hour));
  }
  expect(receiver.messages.map(({ body }) => body.message).sort()).toEqual(
    before
      .slice(0, 72)
      .map(({ uuid }: Json) => uuid)
      .sort(),
  );
  expect(receiver.messages.map(({ body }) => body.number).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 72 }, (_, index) => index + 1),
  );
  expect((await company.call("POST", "/notifications/recover", { since })).body).toEqual({ recovered: 0 });
});

test("recovery is limited to what is requested: since when, which topic, which subscription", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const red = await notified.confirmed();
  await notified.confirmed(company, { topic: "blue" });
  receiver.state.respond = () => new Response("", { status: 500 });
  await notified.publish({}, { topics: ["red", "blue"] });
  await notified.pass(10 * SECOND);
  await notified.publish({}, { topics: ["red", "blue"] });
  const recover = async (body: Json) => (await company.call("POST", "/notifications/recover", body)).body.recovered;
  expect(await recover({ since: 0, topic: "blue" })).toBe(2);
  await world.deliverer.settled();
  expect(await recover({ since: world.clock.now() / 1000 })).toBe(2);
  await world.deliverer.settled();
  expect(await recover({ since: 0, subscription: red.uuid })).toBe(2);
  expect(await recover({ since: 0, topic: "blue", subscription: red.uuid })).toBe(0);
  for (const body of [{}, { since: "x" }, { since: 0, topic: "a b" }, { since: 0, subscription: "x" }]) {
    expect((await company.call("POST", "/notifications/recover", body)).body.subcode).toBe(400_589);
  }
});

test("one delivery is retried at once; a delivered one, or one whose subscription has ended, is not", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const { links } = await notified.confirmed();
  receiver.state.respond = () => new Response("", { status: 500 });
  await notified.publish();
  const uuid = await newestDelivery(notified);
  await passAttempts(notified, 4 * DAY, uuid);
  expect((await notified.delivery(uuid)).state).toBe("failed");
  const retry = (id = uuid) => company.call("POST", `/notifications/deliveries/${id}/retry`);
  const retried = await retry();
  expect([retried.status, retried.body.state, retried.body.uuid]).toEqual([201, "waiting", uuid]);
  await world.deliverer.settled();
  // The schedule starts again.
  const waiting = await notified.delivery(uuid);
  expect(waiting.attempt_count).toBe(13);
  expect(waiting.next_attempt_ts * 1000 - world.clock.now()).toBeLessThan(6 * SECOND);
  receiver.state.respond = () => new Response("", { status: 204 });
  await retry();
  await world.deliverer.settled();
  expect((await notified.delivery(uuid)).state).toBe("delivered");
  expect((await retry()).body.subcode).toBe(400_358);

  receiver.state.respond = () => new Response("", { status: 500 });
  await notified.publish();
  const second = await newestDelivery(notified);
  await world.call("DELETE", pathOf(links.unsubscribe_url));
  expect((await retry(second)).body.subcode).toBe(400_979);
  expect((await retry(crypto.randomUUID())).body.subcode).toBe(404_653);
});
