import { expect, test } from "bun:test";
import { openNotified } from "../support/notifications/open-notified.ts";
import { newTwin } from "../support/world/ledger.ts";
import type { Caller, Json } from "../support/world/world.ts";

const ACCESS = "/notifications/webhooks/access";

/** Sets which topics of an account another one may subscribe to. */
const grant = (by: Caller, to: { account: string }, topics: string[], key = "topics") =>
  by.call("PATCH", `${ACCESS}/accounts/${to.account}`, { [key]: topics });

test("a grant alone delivers nothing: not to the grantee's subscriptions to its own topics, nor when the grantor's entry is on the grantee's twin", async () => {
  await using notified = await openNotified();
  const { world, company: victim, twin, receiver } = notified;
  const hostile = await world.createAccount("Hostile");
  await notified.confirmed(victim, { topic: "alarm" });
  expect((await grant(hostile, victim, ["alarm"])).status).toBe(200);
  const ledger = `/twins/${twin}/ledgers/personal`;
  const entry = (value: string) => ({ entries: { door: { value, publish: { alarm: "true" } } } });
  expect((await hostile.call("POST", ledger, entry("open"))).status).toBe(201);
  const sticker = { note: "Fire", recipients: [victim.account], publish: { on_put: ["alarm"] } };
  expect((await hostile.call("POST", `/twins/${twin}/stickers`, { stickers: { red: sticker } })).status).toBe(201);
  await world.deliverer.settled();
  expect(receiver.of("Notification")).toEqual([]);
  expect(await notified.deliveries(`?publisher=${hostile.account}`)).toEqual([]);

  // The victim's own messages are delivered as before, and number 1 is its own first message.
  await victim.call("POST", ledger, entry("closed"));
  await world.deliverer.settled();
  const told = receiver.of("Notification").map(({ body }) => [body.number, body.publisher, body.event.door.new_value]);
  expect(told).toEqual([[1, victim.account, "closed"]]);
});

test("a subscription that names a granting account receives what that account publishes, and nothing of its own", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const [friend, stranger] = [await world.createAccount("Friend"), await world.createAccount("Stranger")];
  await notified.confirmed(company, { path: "/own" });
  await notified.confirmed(company, { path: "/other-topic", topic: "blue" });
  await notified.confirmed(friend, { path: "/friends-own" });
  await notified.confirmed(stranger, { path: "/stranger" });
  await notified.subscribe(company, { path: "/unconfirmed" });
  const granted = await grant(company, friend, ["task-completed", "red", "red"]);
  expect([granted.status, granted.body]).toEqual([200, { topics: ["task-completed", "red"] }]);
  expect((await company.call("GET", ACCESS)).body).toEqual({
    accounts: { [friend.account]: { topics: ["task-completed", "red"] } },
  });
  const ofCompany = await notified.confirmed(friend, { path: "/friend", account: company.account });
  await notified.confirmed(company, { path: "/own-by-name", account: company.account });
  const told = async (topics: string[], accountId = company.account) => {
    const before = receiver.messages.length;
    await notified.publish({}, { topics, accountId });
    return receiver.messages.slice(before).map(({ path, body }) => {
      expect([body.publisher, body.subscription.account === accountId]).toEqual([accountId, path !== "/friend"]);
      return path;
    });
  };
  const own = ["/own", "/own-by-name"];
  expect((await told(["red", "red", "nobody"])).sort()).toEqual(["/friend", ...own]);
  // Only the topic that was named, and not the other way round.
  expect(await told(["task-completed"])).toEqual([]);
  expect(await told(["red"], friend.account)).toEqual(["/friends-own"]);
  expect(await told(["red"], stranger.account)).toEqual(["/stranger"]);

  const look = async () => (await friend.call("GET", `/notifications/subscriptions/${ofCompany.uuid}`)).body;
  expect(await look()).toMatchObject({ account: friend.account, publisher: company.account, state: "active" });
  expect((await friend.call("GET", "/notifications/subscriptions")).body.subscriptions).toMatchObject([
    { publisher: friend.account, state: "active" },
    { publisher: company.account, state: "active", health: { messages: 1 } },
  ]);

  // Once withdrawn, nothing more is published to it; earlier messages are still delivered. Granted again, it continues
  // with the next number.
  receiver.state.respond = ({ path }) => new Response("", { status: path === "/friend" ? 500 : 200 });
  expect((await told(["red"])).sort()).toEqual(["/friend", ...own]);
  receiver.state.respond = () => new Response();
  await grant(company, friend, ["task-completed"], "publish");
  expect((await told(["red"])).sort()).toEqual(own);
  expect(await look()).toMatchObject({ state: "dormant", health: { messages: 2, waiting: 1 } });
  receiver.messages.length = 0;
  await notified.pass(6000);
  expect(receiver.messages.map(({ path, body }) => [path, body.number])).toEqual([["/friend", 2]]);
  await grant(company, friend, []);
  expect((await company.call("GET", ACCESS)).body).toEqual({ accounts: {} });
  expect((await told(["red", "blue"])).sort()).toEqual(["/other-topic", ...own]);
  await grant(company, friend, ["red"]);
  expect((await told(["red"])).sort()).toEqual(["/friend", ...own]);
  expect((await look()).health.messages).toBe(3);
});

test("a topic that is not granted is refused in the same words, whether it exists or not", async () => {
  await using notified = await openNotified();
  const { world, company } = notified;
  const [other, third] = [await world.createAccount("Other"), await world.createAccount("Third")];
  await grant(other, company, ["blue"]);
  await grant(other, third, ["red"]);
  await notified.confirmed(other);
  const ask = async (body: Json) => {
    const { status, body: answer } = await notified.subscribe(company, body);
    return [status, answer.subcode, answer.description];
  };
  const refusal = [400, 400_979, "The account that was named has not granted this topic to the caller's account."];
  for (const account of [other.account, third.account, crypto.randomUUID(), await newTwin(other)])
    expect([account, ...(await ask({ account }))]).toEqual([account, ...refusal]);
  for (const account of ["other", other.account.toUpperCase(), 7])
    expect((await ask({ account })).slice(0, 2)).toEqual([400, 400_589]);
  for (const wish of [{ account: other.account, topic: "blue" }, { account: null }])
    expect((await ask(wish))[0]).toBe(201);
  // The refused requests have sent nothing and stored nothing.
  expect((await company.call("GET", "/notifications/subscriptions")).body.subscriptions.length).toBe(2);
  await world.deliverer.settled();
  expect(notified.receiver.of("Confirmation").length).toBe(3);
});

test("an account has fewer subscriptions to another's topic, because the publisher's writes make a message for each", async () => {
  const nowhere = { resolve: async () => [], post: () => Promise.reject(new Error("nothing is sent here")) };
  await using notified = await openNotified({}, nowhere);
  const { world, company } = notified;
  const other = await world.createAccount("Other");
  await grant(other, company, ["red", "blue"]);
  const subscribe = async (topic: string, account?: string) =>
    (await company.call("POST", "/notifications/webhooks", { callback_url: "https://a.example/", topic, account }))
      .body;
  for (let i = 0; i < 10; i++) expect(await subscribe("red", other.account)).toHaveProperty("signing_secret");
  expect(await subscribe("red", other.account)).toMatchObject({
    subcode: 400_979,
    description: "An account has at most 10 subscriptions to a topic of another one.",
  });
  expect(await subscribe("blue", other.account)).toHaveProperty("signing_secret");
  expect(await subscribe("red")).toHaveProperty("signing_secret");
});
