import { expect, test } from "bun:test";
import { openNotified, pathOf } from "../support/notifications/open-notified.ts";
import type { Message } from "../support/notifications/receiver.ts";

const DAY = 86_400_000;

test("a subscription's refresh link sets a new expiry, and its hash and links change with it", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const { links } = await notified.confirmed(undefined, { expires: 3600 });
  const now = world.clock.now() / 1000;
  expect(links.validity_ts).toBe(now + 3600);
  world.clock.advance(1000);
  const refreshed = await world.call("PATCH", pathOf(links.refresh_url), { body: { expires: 86_400 } });
  expect(refreshed.status).toBe(200);
  expect(refreshed.body).toEqual({
    callback_url: `${receiver.url}/hook`,
    subscription: { ...links.subscription, validity_ts: now + 1 + 86_400 },
  });
  const seven = await world.call("PATCH", pathOf(links.refresh_url));
  expect(seven.body.subscription.validity_ts).toBe(now + 1 + 604_800);
  for (const body of [{ expires: 0 }, { expires: 604_801 }, { expires: 1.5 }, { client_secret: "short" }]) {
    const refused = await world.call("PATCH", pathOf(links.refresh_url), { body });
    expect([body, refused.status, refused.body.subcode]).toEqual([body, 400, 400_589]);
  }

  await notified.subscribe(company);
  await world.deliverer.settled();
  const { confirmation_url } = (receiver.of("Confirmation").at(-1) as Message).body;
  const parts = Buffer.from(new URL(confirmation_url).searchParams.get("token") as string, "base64").toString();
  const id = parts.split("___")[2];
  // Its refresh link exists, but is not sent before the subscription is confirmed.
  const { tokenOf } = await import("../../src/notifications/model/tokens.ts");
  const token = tokenOf(world.store.vault, "r", { accountId: company.account, id: id as string });
  expect((await world.call("PATCH", `/notifications/webhooks?token=${token}`)).status).toBe(404);
});

test("after unsubscribing nothing is sent, waiting messages are dropped, and the links are refused", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  const { links } = await notified.confirmed();
  const { confirmation_url } = (receiver.messages[0] as Message).body;
  receiver.state.respond = () => new Response("", { status: 500 });
  await notified.publish();
  const ended = await world.call("DELETE", pathOf(links.unsubscribe_url));
  const { unsubscribe_url, refresh_url, ...named } = links.subscription;
  expect([ended.status, ended.body]).toEqual([200, { subscription: named, ...named }]);
  const count = receiver.messages.length;
  await notified.publish();
  await notified.pass(DAY);
  expect(receiver.messages.length).toBe(count);
  expect((await notified.deliveries("?state=dropped")).length).toBe(1);
  for (const [method, link] of [
    ["GET", confirmation_url],
    ["PATCH", refresh_url],
    ["DELETE", unsubscribe_url],
  ] as const) {
    expect([method, (await world.call(method, pathOf(link))).status]).toEqual([method, 404]);
  }
});

test("a subscription expires on time; its receiver is notified a day before if the subscription is confirmed", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  world.scheduler.start();
  const { links } = await notified.confirmed();
  await notified.subscribe(company, { topic: "unconfirmed" });
  await notified.confirmed(company, { topic: "short", expires: 3600 });
  await notified.pass(6 * DAY - 60_000, DAY);
  expect(receiver.of("Expiring").length).toBe(0);
  await notified.pass(15 * 60_000);
  const [notice] = receiver.of("Expiring");
  expect(receiver.of("Expiring").length).toBe(1);
  expect(notice?.body).toEqual({
    type: "Expiring",
    message: notice?.headers["webhook-id"],
    sent_ts: expect.any(Number),
    refresh_url: links.refresh_url,
    subscription: links.subscription,
  });

  const count = receiver.messages.length;
  world.clock.set(links.validity_ts * 1000 - 1);
  await notified.publish();
  expect(receiver.messages.length).toBe(count + 1);
  world.clock.set(links.validity_ts * 1000);
  await notified.publish();
  expect(receiver.messages.length).toBe(count + 1);
  expect((await world.call("PATCH", pathOf(links.refresh_url))).status).toBe(404);
  expect((await company.call("GET", "/notifications/subscriptions")).body.subscriptions).toEqual([]);
  await notified.pass(15 * 60_000);
  const ended = world.query(
    "SELECT json_extract(data, '$.reason') AS reason FROM events WHERE kind = 'subscription.ended'",
  );
  expect(ended.map(({ reason }) => reason)).toEqual(["expired", "expired", "expired"]);
});

test("the notification of a refreshed subscription is sent a day before the new expiry, not the old one", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  world.scheduler.start();
  const { links } = await notified.confirmed();
  await notified.pass(5 * DAY, DAY);
  await world.call("PATCH", pathOf(links.refresh_url));
  await notified.pass(5 * DAY, DAY);
  expect(receiver.of("Expiring").length).toBe(0);
  await notified.pass(DAY);
  expect(receiver.of("Expiring").length).toBe(1);
});
