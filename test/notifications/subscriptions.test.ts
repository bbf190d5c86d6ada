import { expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { hashOf } from "../../src/notifications/secrets.ts";
import { openNotified, PUBLIC_URL, pathOf } from "../support/notified.ts";
import type { Message } from "../support/receiver.ts";
import type { Json } from "../support/world.ts";

const DAY = 86_400_000;

test("the specification's example of a hash", () => {
  const key = Buffer.from("q3ZrT8_kVb-1mXyAJd0wP5sYh2-LkR7c");
  const token =
    "Y19fXzBiN2MxZjJlLTVhNjQtNGQwYi05YzFmLTNmMmE3YmU0MWQxMF9fXzZjMWQwZjNlLTcyYTgtNGI5ZC04ZTE1LWIwZjRhNmMyZDc5M19fXzg2NmQyMmViNDU2NDY2ZjIwMGY2YjlmNGYyODhlZTU0";
  const texts = [
    "Confirmation",
    "b3f9a1d7-40c6-4e2a-9b58-7d1c0e6f2a84",
    "1764000600.25",
    `https://rest.example.com/notifications/webhooks/0b7c1f2e-5a64-4d0b-9c1f-3f2a7be41d10?token=${token}`,
    '{"topic":"red","account":"0b7c1f2e-5a64-4d0b-9c1f-3f2a7be41d10","validity_ts":1764605400.125}',
  ];
  expect(hashOf(key, texts)).toBe("0MTsFpJj2ZqgC61qxIzB0DBN9wwupMgIoEJ6Qe/dlpg=");
});

test("a receiver is asked to confirm, confirms by the link, and is told what is published from then on", async () => {
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
  });
  const kinds = world.query("SELECT kind FROM events WHERE kind LIKE 'subscription.%'").map(({ kind }) => kind);
  expect(kinds).toEqual(["subscription.created", "subscription.confirmed"]);
});

test("tokens have the form that old clients take apart, serve one purpose, and are taken with and without an account", async () => {
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

test("with a client secret every message carries the hash, until a refresh without one", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  const clientSecret = "q3ZrT8_kVb-1mXyA";
  const { links, server_secret } = await notified.confirmed(undefined, { client_secret: clientSecret });
  expect(server_secret).toMatch(/^[A-Za-z0-9_-]{16}$/);
  await notified.publish({ color: "red", note: "naïve ☂" });

  /** As a receiver computes it: exactly the texts of the body, in their order. */
  const expected = (text: string, body: Json, names: string[], serverSecret: string) =>
    hashOf(
      Buffer.from(clientSecret + serverSecret),
      names.map((name) => {
        if (typeof body[name] === "string") return body[name];
        const raw = JSON.stringify(body[name]);
        expect(text).toContain(`"${name}":${raw}`);
        return raw;
      }),
    );
  const [asked, told] = receiver.messages;
  const confirming = ["type", "message", "sent_ts", "confirmation_url", "subscription"];
  const telling = ["type", "trigger", "message", "twin", "event", "sent_ts", "subscription"];
  expect(asked?.body.hash).toBe(expected(asked?.text as string, asked?.body, confirming, server_secret));
  expect(told?.body.hash).toBe(expected(told?.text as string, told?.body, telling, server_secret));

  const refreshed = await world.call("PATCH", pathOf(links.refresh_url), { body: { client_secret: clientSecret } });
  expect(refreshed.body.server_secret).not.toBe(server_secret);
  await notified.publish();
  const third = receiver.messages[2];
  expect(third?.body.hash).toBe(expected(third?.text as string, third?.body, telling, refreshed.body.server_secret));
  await world.call("PATCH", pathOf(links.refresh_url));
  await notified.publish();
  expect(receiver.messages[3]?.body.hash).toBeUndefined();
});

test("what the database keeps opens no subscription and signs no message", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  const client_secret = "q3ZrT8_kVb-1mXyA";
  const { signing_secret, server_secret } = await notified.confirmed(undefined, { client_secret });
  await notified.publish();
  const kept = JSON.stringify([
    world.query("SELECT * FROM webhook_subscriptions"),
    world.query("SELECT * FROM deliveries"),
  ]);
  const token = new URL(receiver.messages[0]?.body.confirmation_url).searchParams.get("token") as string;
  for (const secret of [signing_secret.slice(6), server_secret, client_secret, token, token.slice(-30)]) {
    expect(kept).not.toContain(secret);
  }
});

test("the official Standard Webhooks library verifies what arrives, and nothing that was changed on the way", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  world.clock.set(Date.now());
  const { signing_secret } = await notified.confirmed();
  await notified.publish({ color: "red", note: "naïve ☂" });
  const verifier = new Webhook(signing_secret);
  for (const { text, headers, body } of receiver.messages) {
    expect(verifier.verify(text, headers)).toEqual(body);
    expect(() => verifier.verify(text.replace("red", "reb"), headers)).toThrow();
    expect(() => verifier.verify(text, { ...headers, "webhook-id": "other" })).toThrow();
  }
  const { signing_secret: another } = await notified.confirmed();
  expect(() =>
    new Webhook(another).verify(receiver.messages[0]?.text as string, receiver.messages[0]?.headers as never),
  ).toThrow();
});

test("a subscription is refreshed by its link to a new end, and its hash and links follow", async () => {
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
  // Its refresh link exists, but nobody has been told: not before it is confirmed.
  const { tokenOf } = await import("../../src/notifications/tokens.ts");
  const token = tokenOf(world.store.vault, "r", { accountId: company.account, id: id as string });
  expect((await world.call("PATCH", `/notifications/webhooks?token=${token}`)).status).toBe(404);
});

test("after unsubscribing nothing is sent, what waited is dropped, and the links lead nowhere", async () => {
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

test("a subscription ends at its instant, told a day before; an unconfirmed one in silence", async () => {
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

test("a refreshed subscription is told of its new end, not of the old one", async () => {
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

test("what is published goes to the account's own subscriptions and to those it has granted the topic, once each", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const [friend, stranger] = [await world.createAccount("Friend"), await world.createAccount("Stranger")];
  await notified.confirmed(company, { path: "/own" });
  await notified.confirmed(company, { path: "/other-topic", topic: "blue" });
  await notified.confirmed(friend, { path: "/friend" });
  await notified.confirmed(stranger, { path: "/stranger" });
  await notified.subscribe(company, { path: "/unconfirmed" });
  await world.deliverer.settled();
  const told = async (topics: string[]) => {
    const before = receiver.messages.length;
    await notified.publish({}, { topics });
    return receiver.messages.slice(before).map(({ path }) => path);
  };
  expect(await told(["red", "red", "nobody"])).toEqual(["/own"]);

  const grants = "/notifications/webhooks/access";
  const grant = (topics: string[], key = "topics") =>
    company.call("PATCH", `${grants}/accounts/${friend.account}`, { [key]: topics });
  const granted = await grant(["task-completed", "red", "red"]);
  expect([granted.status, granted.body]).toEqual([200, { topics: ["task-completed", "red"] }]);
  expect((await company.call("GET", grants)).body).toEqual({
    accounts: { [friend.account]: { topics: ["task-completed", "red"] } },
  });
  expect((await told(["red"])).sort()).toEqual(["/friend", "/own"]);
  // The topic as it was granted; and not the other way round.
  await notified.publish({}, { accountId: friend.account });
  expect(receiver.messages.at(-1)?.path).toBe("/friend");
  const [last] = receiver.messages.slice(-1);
  expect(last?.body.subscription.account).toBe(friend.account);

  await grant(["task-completed"], "publish");
  expect(await told(["red"])).toEqual(["/own"]);
  await grant([]);
  expect((await company.call("GET", grants)).body).toEqual({ accounts: {} });
  expect((await told(["red", "blue"])).sort()).toEqual(["/other-topic", "/own"]);
});

test("what is no subscription is refused: the shapes, and more than an account may have", async () => {
  const nowhere = { resolve: async () => [], post: () => Promise.reject(new Error("nothing is sent here")) };
  await using notified = await openNotified({}, nowhere);
  const { company } = notified;
  const fine = { callback_url: "https://hooks.example.org/x", topic: "red" };
  for (const wrong of [
    ...[{ callback_url: undefined }, { topic: undefined }, { topic: "" }, { topic: "a b" }, { topic: "x".repeat(128) }],
    ...[{ topic: "ü" }, { callback_url: "hooks.example.org" }, { callback_url: "ftp://hooks.example.org" }],
    ...[{ callback_url: `https://hooks.example.org/${"x".repeat(512)}` }, { callback_url: 7 }],
    ...[{ callback_url: "https://user:pass@hooks.example.org/" }, { callback_url: "https://user@hooks.example.org/" }],
    ...[
      { expires: 0 },
      { expires: 604_801 },
      { expires: "60" },
      { client_secret: "x" },
      { client_secret: "ü".repeat(16) },
    ],
    ...[
      { client_secret: "q3ZrT8_kVb-1mXy=" },
      { callback_url: "https://192.168.0.1/" },
      { callback_url: "javascript:x" },
    ],
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
