import { expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { writeJson } from "../../src/kernel/json-text.ts";
import { JITTER, RETRY_DELAYS_MS } from "../../src/notifications/model/schedule.ts";
import {
  newestDelivery,
  openNotified,
  passAttempts,
  pathOf,
  publishLater,
} from "../support/notifications/open-notified.ts";
import { startReceiver } from "../support/notifications/receiver.ts";
import type { Json } from "../support/world/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("the schedule fits into three days with any jitter", () => {
  const longest = RETRY_DELAYS_MS.reduce((sum, delay) => sum + delay * (1 + JITTER), 0);
  expect(longest).toBeLessThan(3 * DAY);
  expect(RETRY_DELAYS_MS.slice(0, 7)).toEqual([
    5 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    10 * MINUTE,
    HOUR,
    6 * HOUR,
    12 * HOUR,
  ]);
});

test("a receiver that fails for three days gets exactly the scheduled attempts within their jitter, always the same bytes", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  world.clock.set(Date.now());
  const { signing_secret } = await notified.confirmed();
  receiver.state.respond = () => new Response("x".repeat(5000), { status: 500 });
  const attemptedAt: number[] = [];
  const verifier = new Webhook(signing_secret);
  receiver.state.respond = ({ headers }) => {
    attemptedAt.push(world.clock.now());
    expect(headers["webhook-timestamp"]).toBe(String(Math.floor(world.clock.now() / 1000)));
    return new Response("x".repeat(5000), { status: 500 });
  };
  await notified.publish();
  const uuid = await newestDelivery(notified);
  await passAttempts(notified, 4 * DAY, uuid);

  expect(attemptedAt.length).toBe(1 + RETRY_DELAYS_MS.length);
  for (const [index, delay] of RETRY_DELAYS_MS.entries()) {
    const waited = (attemptedAt[index + 1] as number) - (attemptedAt[index] as number);
    expect(Math.abs(waited - delay)).toBeLessThanOrEqual(delay * JITTER + 1);
  }
  const told = receiver.of("Notification");
  expect(new Set(told.map(({ text }) => text)).size).toBe(1);
  expect(new Set(told.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([uuid]));
  // Signed anew at each attempt: three days later the first signature would be too old, the last is not.
  expect(new Set(told.map(({ headers }) => headers["webhook-signature"])).size).toBe(told.length);
  const { text, headers, body } = told.at(-1) as (typeof told)[number];
  expect(verifyAt(verifier, world.clock.now() - 4 * DAY, attemptedAt, text, headers)).toEqual(body);

  const delivery = await notified.delivery(uuid);
  expect(delivery).toMatchObject({
    state: "failed",
    attempt_count: 12,
    event: { color: "red" },
    trigger: "sticker.put",
    number: 1,
  });
  expect(delivery.attempts.map((attempt: Json) => [attempt.number, attempt.status, attempt.error])).toEqual(
    attemptedAt.map((_, index) => [index + 1, 500, "status"]),
  );
  expect(delivery.attempts.map((attempt: Json) => Math.round(attempt.started_ts * 1000))).toEqual(attemptedAt);
  expect(delivery.attempts[0].answer).toBe("x".repeat(1024));
});

/** Verifies as a receiver would whose clock is right at the last attempt: the library reads the system's. */
function verifyAt(
  verifier: Webhook,
  _from: number,
  attemptedAt: number[],
  text: string,
  headers: Record<string, string>,
) {
  const { now } = Date;
  try {
    Date.now = () => attemptedAt[0] as number;
    expect(() => verifier.verify(text, headers)).toThrow();
    Date.now = () => (attemptedAt.at(-1) as number) + 4 * MINUTE;
    return verifier.verify(text, headers);
  } finally {
    Date.now = now;
  }
}

test("Retry-After is honoured within bounds, as seconds or as a date, and the endpoint gets nothing meanwhile", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const { uuid: subscription } = await notified.confirmed();
  const overload = (status: number, retryAfter?: string) => () =>
    new Response("", { status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } });
  /** Publishes, and returns how long the message and the endpoint wait. */
  const waits = async () => {
    await notified.publish({}, { twinId: crypto.randomUUID() });
    const now = world.clock.now();
    const { next_attempt_ts } = (await notified.deliveries("?limit=1"))[0];
    const { health } = (await company.call("GET", `/notifications/subscriptions/${subscription}`)).body;
    await company.call("POST", `/notifications/subscriptions/${subscription}/resume`);
    return [
      next_attempt_ts * 1000 - now,
      health.held_until_ts === undefined ? null : health.held_until_ts * 1000 - now,
    ];
  };
  receiver.state.respond = overload(429, "120");
  expect(await waits()).toEqual([120 * SECOND, 120 * SECOND]);
  receiver.state.respond = overload(503, new Date(world.clock.now() + 5 * MINUTE).toUTCString());
  expect(await waits()).toEqual([5 * MINUTE, 5 * MINUTE]);
  receiver.state.respond = overload(429, "999999");
  expect(await waits()).toEqual([6 * HOUR, 6 * HOUR]);
  receiver.state.respond = overload(429, "0");
  expect((await waits())[1]).toBe(SECOND);
  receiver.state.respond = overload(503);
  expect((await waits())[1]).toBe(5 * SECOND);
  receiver.state.respond = overload(500, "120");
  const [soon, held] = await waits();
  expect([(soon as number) < 6 * SECOND, held]).toEqual([true, null]);

  // While it is held, nothing else is sent; without a Retry-After the holds grow, by one step however many messages
  // were in flight.
  receiver.state.respond = overload(429);
  let count = receiver.messages.length;
  await company.call("POST", "/notifications/recover", { since: 0 });
  await world.deliverer.settled();
  expect(receiver.messages.length).toBe(count + 6);
  count += 6;
  await notified.publish();
  await notified.pass(5 * SECOND - 1);
  expect(receiver.messages.length).toBe(count);
  for (const wait of [5, 10, 20, 40, 80, 160, 300, 300]) {
    await notified.pass(1);
    expect([wait, receiver.messages.length]).toEqual([wait, ++count]);
    const { health } = (await company.call("GET", `/notifications/subscriptions/${subscription}`)).body;
    const holdMs = Math.round(health.held_until_ts * 1000 - world.clock.now());
    expect([wait, holdMs]).toEqual([wait, Math.min(wait * 2, 300) * SECOND]);
    await notified.pass(holdMs - 1);
    expect([wait, receiver.messages.length]).toEqual([wait, count]);
  }
  receiver.state.respond = () => new Response();
  await notified.pass(HOUR, MINUTE);
  const { health } = (await company.call("GET", `/notifications/subscriptions/${subscription}`)).body;
  expect(health).toEqual({ messages: 7, waiting: 0, failed: 0 });
});

test("an endpoint with slow failures is held for longer and longer, and messages in flight at first count once", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const { uuid } = await notified.confirmed();
  receiver.state.respond = () => new Promise(() => {});
  let count = receiver.messages.length;
  const sent = async (more: number) => {
    count += more;
    await receiver.arrived(count);
    world.clock.advance(10 * SECOND);
    await world.deliverer.settled();
    expect(receiver.messages.length).toBe(count);
    const { health } = (await company.call("GET", `/notifications/subscriptions/${uuid}`)).body;
    return health.held_until_ts === undefined ? null : Math.round(health.held_until_ts * 1000 - world.clock.now());
  };
  const about = { accountId: company.account, trigger: "sticker.put" as const, topics: ["red"], event: writeJson({}) };
  await publishLater(
    world,
    Array.from({ length: 40 }, () => ({ ...about, twinId: crypto.randomUUID() })),
  );
  // All places of a healthy endpoint; then one at a time, after a moment.
  expect(await sent(32)).toBeNull();
  for (const holdMs of [5, 10, 20, 40, 80, 160, 300, 300]) {
    world.clock.advance(100);
    expect([holdMs, await sent(1)]).toEqual([holdMs, holdMs * SECOND]);
    await notified.pass(holdMs * SECOND - 100);
    expect(receiver.messages.length).toBe(count);
  }
  // An endpoint that fails fast is not held, and one that accepts a message is healthy.
  receiver.state.respond = () => new Response("", { status: 500 });
  await notified.pass(100);
  const { health } = (await company.call("GET", `/notifications/subscriptions/${uuid}`)).body;
  expect(health.held_until_ts * 1000).toBeLessThanOrEqual(world.clock.now());
  receiver.state.respond = () => new Response();
  await notified.pass(3 * HOUR, MINUTE);
  expect((await company.call("GET", `/notifications/subscriptions/${uuid}`)).body.health).toEqual({
    messages: 40,
    waiting: 0,
    failed: 0,
  });
});

test("410 ends the subscription; a redirect is a failure and is not followed", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  await using trap = startReceiver();
  await notified.confirmed();
  for (const status of [301, 302, 303, 307, 308]) {
    receiver.state.respond = () => new Response("", { status, headers: { location: `${trap.url}/` } });
    await notified.publish({}, { twinId: crypto.randomUUID() });
    await notified.pass(100);
    const { attempts, state } = await notified.delivery(await newestDelivery(notified));
    expect([attempts[0].status, attempts[0].error, state]).toEqual([status, "redirect", "waiting"]);
  }
  expect(trap.messages).toEqual([]);
  receiver.state.respond = () => new Response("", { status: 410 });
  await notified.publish({}, { twinId: crypto.randomUUID() });
  await notified.pass(DAY);
  expect((await company.call("GET", "/notifications/subscriptions")).body.subscriptions).toEqual([]);
  expect(new Set((await notified.deliveries("?topic=red")).map(({ state }: Json) => state))).toEqual(
    new Set(["delivered", "dropped"]),
  );
  const [ended] = world.query("SELECT data FROM events WHERE kind = 'subscription.ended'");
  expect(JSON.parse(ended.data)).toMatchObject({ topic: "red", reason: "gone" });
});

test("an endpoint that has failed for five days is paused, shown as paused, and continues where it stopped when resumed", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const { uuid, links } = await notified.confirmed();
  receiver.state.respond = () => new Response("", { status: 500 });
  const subscription = async () => (await company.call("GET", `/notifications/subscriptions/${uuid}`)).body;
  const failingSince = world.clock.now() / 1000;
  for (let day = 0; day < 5; day++) {
    await notified.publish({ day });
    await notified.pass(DAY - HOUR, HOUR);
  }
  expect(await subscription()).toMatchObject({ state: "active", health: { failing_since_ts: failingSince } });
  world.clock.set((failingSince + 5 * 86_400) * 1000);
  await notified.publish({ day: 5 });
  await notified.pass(100);
  const paused = await subscription();
  expect(paused.state).toBe("paused");
  expect(world.clock.now() / 1000 - paused.health.paused_ts).toBeLessThanOrEqual(0.1);
  expect(world.query("SELECT count(*) AS count FROM events WHERE kind = 'subscription.paused'")).toEqual([
    { count: 1 },
  ]);

  await world.call("PATCH", pathOf(links.refresh_url));
  receiver.state.respond = () => new Response();
  receiver.messages.length = 0;
  await notified.publish({ day: 6 });
  await notified.pass(DAY, HOUR);
  expect(receiver.messages).toEqual([]);
  const resumed = await company.call("POST", `/notifications/subscriptions/${uuid}/resume`);
  expect([resumed.status, resumed.body.state]).toEqual([201, "active"]);
  await world.deliverer.settled();
  const days = receiver.messages.map(({ body }) => body.event.day);
  expect(days.slice(-2)).toEqual([5, 6]);
  expect((await subscription()).health.failing_since_ts).toBeUndefined();
});
