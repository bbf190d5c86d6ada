import { expect, test } from "bun:test";
import { openNotified, PUBLIC_URL, pathOf } from "../support/notifications/open-notified.ts";
import type { Message } from "../support/notifications/receiver.ts";

test("a receiver gets a confirmation message, confirms by the link, and receives what is published from then on", async () => {
  await using notified = await openNotified();
  const { world, company, twin, receiver } = notified;
  const now = world.clock.now() / 1000;
  const subscribed = await notified.subscribe(company);
  expect(subscribed.status).toBe(201);
  expect(subscribed.body).toEqual({
    subscription: { topic: "red", account: company.account, validity_ts: now + 604_800 },
    callback_url: `${receiver.url}/hook`,
    signing_secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
  });
  await notified.publish();
  const [message] = receiver.messages as [Message];
  expect(receiver.messages.length).toBe(1);
  expect(message.path).toBe("/hook");
  expect(message.headers["content-type"]).toBe("application/json");
  const { confirmation_url, ...rest } = message.body;
  expect(rest).toEqual({
    type: "Confirmation",
    message: expect.stringMatching(/^[0-9a-f-]{36}$/),
    sent_ts: now,
    subscription: subscribed.body.subscription,
  });
  expect(confirmation_url).toStartWith(`${PUBLIC_URL}/notifications/webhooks/${company.account}?token=`);

  const confirmed = await world.call("GET", pathOf(confirmation_url));
  const link = expect.stringMatching(
    new RegExp(`^${PUBLIC_URL}/notifications/webhooks/${company.account}\\?token=\\w+$`),
  );
  const nested = { ...subscribed.body.subscription, unsubscribe_url: link, refresh_url: link };
  expect([confirmed.status, confirmed.body]).toEqual([200, { subscription: nested, ...nested }]);
  expect((await world.call("GET", pathOf(confirmation_url))).body).toEqual(confirmed.body);

  world.clock.advance(1500);
  await notified.publish({ color: "red", note: null });
  const [told] = receiver.of("Notification");
  expect(receiver.messages.length).toBe(2);
  expect(told?.body).toEqual({
    type: "Notification",
    trigger: "sticker.put",
    message: told?.headers["webhook-id"],
    twin,
    event: { color: "red", note: null },
    sent_ts: now + 1.5,
    subscription: confirmed.body.subscription,
    number: 1,
    publisher: company.account,
  });
  const kinds = world.query("SELECT kind FROM events WHERE kind LIKE 'subscription.%'").map(({ kind }) => kind);
  expect(kinds).toEqual(["subscription.created", "subscription.confirmed"]);
});

test("tokens have the form that old clients parse, serve one purpose, and are accepted with and without an account", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  await notified.subscribe(company);
  await notified.subscribe(company);
  await world.deliverer.settled();
  const [first, second] = receiver.messages.map(({ body }) => new URL(body.confirmation_url).searchParams.get("token"));
  const parts = Buffer.from(first as string, "base64")
    .toString("utf8")
    .split("___");
  expect([parts.length, parts[0], parts[1]]).toEqual([4, "c", company.account]);
  expect(parts[3]).toMatch(/^[0-9a-f]{32}$/);
  expect(first).toMatch(/^[A-Za-z0-9]{152}$/);

  const base = "/notifications/webhooks";
  const refusals = async (method: string, path: string) => {
    const { status, body } = await world.call(method, path);
    return [status, body.subcode, body.description];
  };
  const missing = [404, 404_653, "Subscription not found."];
  const forged = (part: number, text: string) =>
    Buffer.from(parts.map((one, index) => (index === part ? text : one)).join("___")).toString("base64");
  const other = Buffer.from(second as string, "base64")
    .toString()
    .split("___");
  const stranger = await world.createAccount("Stranger");
  for (const [method, path] of [
    ["PATCH", `${base}/${company.account}?token=${first}`],
    ["DELETE", `${base}?token=${first}`],
    ["GET", `${base}/${stranger.account}?token=${first}`],
    ["GET", `${base}?token=${forged(0, "r")}`],
    ["PATCH", `${base}?token=${forged(0, "r")}`],
    ["GET", `${base}?token=${forged(1, stranger.account)}`],
    ["GET", `${base}?token=${forged(2, other[2] as string)}`],
    ["GET", `${base}?token=${forged(3, other[3] as string)}`],
    ["GET", `${base}?token=${forged(3, "0".repeat(32))}`],
    ["GET", `${base}?token=`],
    ["GET", `${base}?token=Y19f`],
  ] as const) {
    expect([method, path, ...(await refusals(method, path))]).toEqual([method, path, ...missing]);
  }
  expect((await world.call("GET", base)).body.subcode).toBe(400_592);
  for (const path of [
    `${base}/?token=${first}`,
    `${base}?token=${first}`,
    `${base}/${company.account}/?token=${first}`,
  ]) {
    expect([path, (await world.call("GET", path)).status]).toEqual([path, 200]);
  }
});

test("invalid subscriptions are refused: wrong shapes, and more than an account may have", async () => {
  const nowhere = { resolve: async () => [], post: () => Promise.reject(new Error("nothing is sent here")) };
  await using notified = await openNotified({}, nowhere);
  const { company } = notified;
  const fine = { callback_url: "https://hooks.example.org/x", topic: "red" };
  for (const wrong of [
    { callback_url: undefined },
    { topic: undefined },
    { topic: "" },
    { topic: "a b" },
    { topic: "x".repeat(128) },
    { topic: "ü" },
    { callback_url: "hooks.example.org" },
    { callback_url: "ftp://hooks.example.org" },
    { callback_url: `https://hooks.example.org/${"x".repeat(512)}` },
    { callback_url: 7 },
    { callback_url: "https://user:pass@hooks.example.org/" },
    { callback_url: "https://user@hooks.example.org/" },
    { expires: 0 },
    { expires: 604_801 },
    { expires: "60" },
    { client_secret: "x" },
    { client_secret: "ü".repeat(16) },
    { client_secret: "q3ZrT8_kVb-1mXy=" },
    { callback_url: "https://192.168.0.1/" },
    { callback_url: "javascript:x" },
  ]) {
    const refused = await company.call("POST", "/notifications/webhooks", { ...fine, ...wrong });
    expect([wrong, refused.status, refused.body.subcode]).toEqual([wrong, 400, 400_589]);
  }
  for (const topics of [["a b"], ["x".repeat(128)], "red", null, Array.from({ length: 101 }, (_, i) => `t${i}`)]) {
    const path = `/notifications/webhooks/access/accounts/${crypto.randomUUID()}`;
    expect([topics, (await company.call("PATCH", path, { topics })).body.subcode]).toEqual([topics, 400_589]);
  }
  for (let i = 0; i < 100; i++) await company.call("POST", "/notifications/webhooks", fine);
  const one = await company.call("POST", "/notifications/webhooks", fine);
  expect([one.status, one.body.subcode]).toEqual([400, 400_979]);
  expect((await company.call("POST", "/notifications/webhooks", { ...fine, topic: "other" })).status).toBe(201);
});
