import { expect, test } from "bun:test";
import { newestDelivery, openNotified } from "../support/notifications/open-notified.ts";

// A confirmation goes to a host that may never have heard of us. A client that makes us send it must not be able to
// turn it into a flood.

const SECOND = 1000;
const HOUR = 3600 * SECOND;

test("an unconfirmed endpoint gets confirmation messages at the pace of the schedule: neither a retry nor a recovery sends more", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  receiver.state.respond = () => new Response("", { status: 500 });
  for (let i = 0; i < 3; i++) await notified.subscribe(company);
  await world.deliverer.settled();
  expect(receiver.messages.length).toBe(3);
  const uuid = await newestDelivery(notified);
  const retried = await company.call("POST", `/notifications/deliveries/${uuid}/retry`);
  expect([retried.body.subcode, retried.body.description]).toEqual([400_979, "The endpoint has not confirmed."]);
  const { subscription } = await notified.delivery(uuid);
  for (const body of [{ since: 0 }, { since: 0, topic: "red" }, { since: 0, subscription }]) {
    expect((await company.call("POST", "/notifications/recover", body)).body).toEqual({ recovered: 0 });
  }
  await company.call("POST", `/notifications/subscriptions/${subscription}/resume`);
  await world.deliverer.settled();
  expect(receiver.messages.length).toBe(3);
  await notified.pass(6 * SECOND);
  expect(receiver.messages.length).toBe(6);
});

test("an account makes at most two thousand subscriptions an hour, even if it ends them at once", async () => {
  const nowhere = { resolve: async () => [], post: () => Promise.reject(new Error("nothing is sent here")) };
  await using notified = await openNotified({}, nowhere);
  const { world, company } = notified;
  const other = await world.createAccount("Other");
  const subscribe = async (by = company) => {
    const body = { callback_url: "https://hooks.example.org/x", topic: "red" };
    const { status, body: answer, headers } = await by.call("POST", "/notifications/webhooks", body);
    return { status, text: answer.description, retryAfter: headers.get("retry-after") };
  };
  await subscribe();
  const { uuid } = (await company.call("GET", "/notifications/subscriptions")).body.subscriptions[0];
  await company.call("DELETE", `/notifications/subscriptions/${uuid}`);
  world.clock.advance(1000 * SECOND);
  // The rest of the hour's limit, as copies of the first.
  world.seed((connection) =>
    connection.run(
      `WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < 1998)
       INSERT INTO webhook_subscriptions (id, account_id, publisher_id, topic, callback_url, link_base, signing_secret, created_at, expires_at,
         ended_at, end_reason)
       SELECT id || n, account_id, publisher_id, topic, callback_url, link_base, signing_secret, created_at + 1, expires_at, ended_at, end_reason
       FROM copies, webhook_subscriptions`,
    ),
  );
  expect((await subscribe()).status).toBe(201);
  expect(await subscribe()).toEqual({
    status: 429,
    retryAfter: "2600",
    text: "An account makes at most 2000 subscriptions in an hour.",
  });
  expect((await subscribe(other)).status).toBe(201);
  world.clock.advance(HOUR - 1000 * SECOND);
  expect((await subscribe()).status).toBe(201);
});
