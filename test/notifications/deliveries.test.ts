import { expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { Deliverer } from "../../src/jobs/deliverer.ts";
import { JITTER, RETRY_DELAYS_MS } from "../../src/notifications/schedule.ts";
import { openNotified, pathOf } from "../support/notified.ts";
import { startReceiver } from "../support/receiver.ts";
import type { Json } from "../support/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Notified = Awaited<ReturnType<typeof openNotified>>;

/** Moves the clock from one attempt to the next, for as long as there is one within the time. */
async function passAttempts({ world, company }: Notified, ms: number, uuid: string): Promise<void> {
  const end = world.clock.now() + ms;
  for (;;) {
    const { next_attempt_ts: next } = (await company.call("GET", `/notifications/deliveries/${uuid}`)).body;
    if (next === undefined || next * 1000 > end) break;
    world.clock.advance(next * 1000 - world.clock.now());
    await world.deliverer.settled();
  }
  world.clock.advance(Math.max(0, end - world.clock.now()));
  await world.deliverer.settled();
}

const newest = async (notified: Notified) => (await notified.deliveries("?limit=1"))[0].uuid as string;

test("the schedule fits into three days, whatever its jitter", () => {
  const longest = RETRY_DELAYS_MS.reduce((sum, delay) => sum + delay * (1 + JITTER), 0);
  expect(longest).toBeLessThan(3 * DAY);
  expect(RETRY_DELAYS_MS.slice(0, 7)).toEqual([
    ...[5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 12 * HOUR],
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
  const uuid = await newest(notified);
  await passAttempts(notified, 4 * DAY, uuid);

  expect(attemptedAt.length).toBe(1 + RETRY_DELAYS_MS.length);
  for (const [index, delay] of RETRY_DELAYS_MS.entries()) {
    const waited = (attemptedAt[index + 1] as number) - (attemptedAt[index] as number);
    expect(Math.abs(waited - delay)).toBeLessThanOrEqual(delay * JITTER + 1);
  }
  const told = receiver.of("Notification");
  expect(new Set(told.map(({ text }) => text)).size).toBe(1);
  expect(new Set(told.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([uuid]));
  // Signed anew at each attempt: three days later the first signature would be refused, the last is not.
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

/** As a receiver does whose clock is right at the last attempt: the library looks at the system's. */
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

test("after a day's outage recovering delivers everything, in order for each twin, with the ids it had", async () => {
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

test("recovering takes only what was asked for: since when, which topic, which subscription", async () => {
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

test("one delivery is retried at once; one that arrived, or whose subscription has ended, is not", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const { links } = await notified.confirmed();
  receiver.state.respond = () => new Response("", { status: 500 });
  await notified.publish();
  const uuid = await newest(notified);
  await passAttempts(notified, 4 * DAY, uuid);
  expect((await notified.delivery(uuid)).state).toBe("failed");
  const retry = (id = uuid) => company.call("POST", `/notifications/deliveries/${id}/retry`);
  const retried = await retry();
  expect([retried.status, retried.body.state, retried.body.uuid]).toEqual([201, "waiting", uuid]);
  await world.deliverer.settled();
  // The whole schedule lies before it again.
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
  const second = await newest(notified);
  await world.call("DELETE", pathOf(links.unsubscribe_url));
  expect((await retry(second)).body.subcode).toBe(400_979);
  expect((await retry(crypto.randomUUID())).body.subcode).toBe(404_653);
});

test("Retry-After is honoured within bounds, as seconds or as a date, and the endpoint is left alone meanwhile", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  const { uuid: subscription } = await notified.confirmed();
  const overload = (status: number, retryAfter?: string) => () =>
    new Response("", { status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } });
  /** Publishes, and tells how long the message, and the endpoint, are left alone. */
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

  // While it is held, nothing else is sent; without a Retry-After the waits grow, by one step however many were on their way.
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

test("410 ends the subscription; a redirect is a failure and is not followed", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  await using trap = startReceiver();
  await notified.confirmed();
  for (const status of [301, 302, 303, 307, 308]) {
    receiver.state.respond = () => new Response("", { status, headers: { location: `${trap.url}/` } });
    await notified.publish({}, { twinId: crypto.randomUUID() });
    await notified.pass(100);
    const { attempts, state } = await notified.delivery(await newest(notified));
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

test("an endpoint that has failed for five days is paused and shown so, and goes on where it stood when resumed", async () => {
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

test("a message that waits for its retry does not hold up what comes after it, but no two about one twin are out at once", async () => {
  await using notified = await openNotified();
  const { twin, receiver } = notified;
  await notified.confirmed();
  let out = 0;
  let most = 0;
  receiver.state.respond = async ({ body }) => {
    most = Math.max(most, ++out);
    await new Promise((done) => setTimeout(done, 2));
    out--;
    return new Response("", { status: body.event.n === 1 && receiver.of("Notification").length < 9 ? 500 : 200 });
  };
  for (let n = 1; n <= 8; n++) {
    await notified.publish({ n }, { twinId: twin });
    // The first has failed, and an endpoint that has is left alone for a moment; the second shows that it is well.
    if (n === 2) expect(receiver.of("Notification").length).toBe(1);
    await notified.pass(100);
  }
  const order = () => receiver.of("Notification").map(({ body }) => body.event.n);
  expect([most, order()]).toEqual([1, [1, 2, 3, 4, 5, 6, 7, 8]]);
  await notified.pass(6 * SECOND);
  expect(order()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 1]);
});

test("two deliverers on one store never send one message twice, and never two about one twin at once", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  await notified.confirmed();
  const second = new Deliverer(world.deps);
  second.start();
  const out = new Set<string>();
  receiver.state.respond = async ({ body }) => {
    expect(out.has(body.twin)).toBe(false);
    out.add(body.twin);
    await new Promise((done) => setTimeout(done, 1));
    out.delete(body.twin);
    return new Response();
  };
  const twins = Array.from({ length: 5 }, () => crypto.randomUUID());
  for (let n = 0; n < 40; n++) await notified.publish({ n }, { twinId: twins[n % 5] as string });
  await second.settled();
  await second.stop(0);
  const numbers = receiver.of("Notification").map(({ body }) => body.number);
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  expect((await company.call("GET", "/notifications/deliveries?state=delivered")).body.deliveries.length).toBe(41);
});

test("what a deliverer that is gone had on its way is sent again by the next, once its lease is over", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  await notified.confirmed();
  const hanging = Promise.withResolvers<Response>();
  receiver.state.respond = () => hanging.promise;
  const arrived = receiver.arrived(2);
  const publishing = notified.publish();
  await arrived;
  const [sending] = await notified.deliveries("?state=sending");
  const next = new Deliverer(world.deps);
  next.start();
  await next.settled();
  expect(receiver.messages.length).toBe(2);
  receiver.state.respond = () => new Response();
  await world.deliverer.stop(0);
  await publishing;
  hanging.resolve(new Response());
  next.start();
  await next.settled();
  world.clock.advance(21 * SECOND);
  await next.settled();
  expect(receiver.messages.length).toBe(3);
  const delivery = await notified.delivery(sending.uuid);
  expect(delivery.state).toBe("delivered");
  expect(delivery.attempts.map(({ error }: Json) => error ?? null)).toEqual(["interrupted", null]);
  await next.stop(0);
});

test("deliveries are listed newest first, by what they are about, page by page", async () => {
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
    ...["red 4", "blue 3", "red 3", "blue 2", "red 2", "blue 1", "red 1", "blue -", "red -"],
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

test("deliveries are kept as long as the setting says, those that still wait longer", async () => {
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
