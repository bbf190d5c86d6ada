import { expect, test } from "bun:test";
import { openNotified } from "../support/notified.ts";

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
