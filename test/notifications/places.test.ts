import { expect, test } from "bun:test";
import { Deliverer } from "../../src/jobs/deliverer.ts";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { writeJson } from "../../src/kernel/json-text.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { leaseDeliveries } from "../../src/notifications/deliveries/lease-deliveries.ts";
import { newSigningSecret } from "../../src/notifications/model/secrets.ts";
import { readExposition } from "../support/http/exposition.ts";
import { openNotified, publishLater } from "../support/notifications/open-notified.ts";
import { startReceiver } from "../support/notifications/receiver.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

// What accounts with hanging endpoints take from others: nothing that they would miss.

/** A subscription whose confirmation is a message to be sent. */
async function subscribe(caller: Caller, callback_url: string, topic = "topic"): Promise<void> {
  const { status } = await caller.call("POST", "/notifications/webhooks", { callback_url, topic });
  expect(status).toBe(201);
}

/** Makes `count` subscriptions directly in the database, but the last through the server, which so learns of them. */
async function subscribeOften(world: World, caller: Caller, callback_url: string, count: number): Promise<void> {
  await subscribe(caller, callback_url);
  seedBacklog(world, caller.account, count - 2, 1);
  await subscribe(caller, callback_url, "other");
}

/**
 * Copies the account's only subscription, and for each copy its only message `messages` times, all due longer than
 * anything else.
 */
function seedBacklog(world: World, account: string, subscriptions: number, messages: number): void {
  const columnsOf = (table: string, but: readonly string[]) =>
    world
      .query(`SELECT name FROM pragma_table_info('${table}')`)
      .map(({ name }) => name as string)
      .filter((name) => !but.includes(name));
  const counting = (to: number) => `n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${to})`;
  const copied = columnsOf("webhook_subscriptions", ["position", "id", "due_at"]);
  const state = ["position", "id", "subscription_id", "state", "lease", "leased_at", "leased_until", "settled_at"];
  const told = columnsOf("deliveries", state);
  world.seed((connection) => {
    connection.run(
      `WITH RECURSIVE ${counting(subscriptions)} INSERT INTO webhook_subscriptions (id, due_at, ${copied})
       SELECT account_id || '-' || i, created_at - 1000, ${copied} FROM webhook_subscriptions, n WHERE account_id = ?`,
      account,
    );
    for (let n = 1; n <= subscriptions; n++) {
      const id = `${account}-${n}`;
      const { sealed } = newSigningSecret(world.store.vault, world.deps.random, id);
      connection.run("UPDATE webhook_subscriptions SET signing_secret = ? WHERE id = ?", sealed, id);
    }
    connection.run(
      `WITH RECURSIVE ${counting(messages)} INSERT INTO deliveries (id, subscription_id, state, ${told})
       SELECT s.id || '-' || i, s.id, 'waiting', ${told.map((name) => `d.${name}`)}
       FROM webhook_subscriptions s JOIN deliveries d ON d.account_id = s.account_id, n
       WHERE s.account_id = ? AND s.id LIKE s.account_id || '-%'`,
      account,
    );
  });
}

const lineOf = async ({ deps }: World) =>
  readExposition((await expose(deps.metrics, () => undefined)).text).sum("twinpost_deliveries_lined_up_subscriptions");

const sendingOf = (world: World): number[] =>
  world
    .query("SELECT count(*) AS count FROM deliveries WHERE state = 'sending' GROUP BY account_id")
    .map(({ count }) => count);

test("five accounts with hanging endpoints take no place that the messages of another need", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  await notified.confirmed();
  await using hanging = startReceiver(() => new Promise(() => {}));
  const hostile = await Promise.all(Array.from({ length: 5 }, () => world.createAccount("Hostile")));
  for (const one of hostile) await subscribeOften(world, one, hanging.url, 140);
  await hanging.arrived(5 * 64);
  const arrived = receiver.arrived(1 + 20);
  const about = { accountId: company.account, trigger: "sticker.put" as const, topics: ["red"], event: writeJson({}) };
  await publishLater(
    world,
    Array.from({ length: 20 }, () => ({ ...about, twinId: crypto.randomUUID() })),
  );
  await arrived;
  expect(receiver.of("Notification").length).toBe(20);
  await world.deliverer.stop(0);
});

test("one account alone gets a quarter of the places, and its other subscriptions wait in line without being examined", async () => {
  await using notified = await openNotified();
  const { world } = notified;
  const gate = Promise.withResolvers<void>();
  await using slow = startReceiver(async () => {
    await gate.promise;
    return new Response();
  });
  const busy = await world.createAccount("Busy");
  await subscribeOften(world, busy, slow.url, 300);
  await slow.arrived(128);
  expect(sendingOf(world)).toEqual([128]);
  while ((await lineOf(world)) < 172) await new Promise((done) => setImmediate(done));
  expect(world.query("SELECT count(*) AS due FROM webhook_subscriptions WHERE due_at <= ?", world.clock.now())).toEqual(
    [{ due: 0 }],
  );
  // As places become free the others follow, without the clock moving.
  gate.resolve();
  await world.deliverer.settled();
  expect([slow.messages.length, await lineOf(world), sendingOf(world)]).toEqual([300, 0, []]);
});

test("the queue of a lost deliverer is rebuilt when a lease has expired", async () => {
  await using notified = await openNotified();
  const { world } = notified;
  await using hanging = startReceiver(() => new Promise(() => {}));
  const busy = await world.createAccount("Busy");
  await subscribeOften(world, busy, hanging.url, 140);
  await hanging.arrived(128);
  while ((await lineOf(world)) < 12) await new Promise((done) => setImmediate(done));
  await world.deliverer.stop(0);
  hanging.state.respond = () => new Response();
  const next = new Deliverer(world.deps);
  next.start();
  await next.settled();
  world.clock.advance(20_000);
  await next.settled();
  await next.stop(0);
  expect(world.query("SELECT state, count(*) AS count FROM deliveries GROUP BY state")).toEqual([
    { state: "delivered", count: 140 },
  ]);
});

test("other accounts' due messages, however many and however old, hide no message of an account", async () => {
  await using world = await openWorld({ "webhook-allow": "127.0.0.0/8" });
  const hostile = await Promise.all(Array.from({ length: 5 }, () => world.createAccount("Hostile")));
  for (const one of hostile) {
    await subscribe(one, "http://127.0.0.1:9/");
    seedBacklog(world, one.account, 900, 5);
  }
  const victim = await world.createAccount("Victim");
  await subscribe(victim, "http://127.0.0.1:9/");
  const inFlight: Record<string, number> = {};
  const lines: Record<string, string[]> = {};
  const found: number[] = [];
  for (let look = 1; found.length === 0 && look <= 20; look++) {
    const room = 512 - Object.values(inFlight).reduce((sum, count) => sum + count, 0);
    const input = { lease: `look ${look}`, held: [], room, inFlight: { ...inFlight }, lines: { ...lines } };
    const { leased, linedUp } = await world.store.write(leaseDeliveries, SYSTEM, input);
    for (const { delivery } of leased) inFlight[delivery.accountId] = (inFlight[delivery.accountId] ?? 0) + 1;
    for (const { share } of linedUp) lines[share] = [];
    if (leased.some(({ delivery }) => delivery.accountId === victim.account)) found.push(look);
  }
  // Each lease is a command of 5 ms at most. 4 500 subscriptions with 22 500 messages have been due for longer.
  expect(found[0]).toBeLessThanOrEqual(16);
});
