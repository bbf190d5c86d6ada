import { expect, test } from "bun:test";
import type { UserActor } from "../../src/kernel/actor.ts";
import { listDeliveries } from "../../src/notifications/deliveries/list-deliveries.ts";
import { listSubscriptions } from "../../src/notifications/subscriptions/list-subscriptions.ts";
import { allPages, nextOf } from "../support/world/list-pages.ts";
import { recordQueries } from "../support/world/queries-asked.ts";
import { openWorld } from "../support/world/world.ts";

// What lists of deliveries read, however long the events are and however many attempts there were.

const HOOK = { callback_url: "https://hooks.example.org/x", topic: "red" };

async function openSubscribed() {
  const world = await openWorld();
  const company = await world.createAccount();
  await company.call("POST", "/notifications/webhooks", HOOK);
  const [{ id: subscription }] = world.query("SELECT id FROM webhook_subscriptions");
  const actor = { kind: "user", accountId: company.account, userId: company.user } as unknown as UserActor;
  const seed = (count: number, event: string) =>
    world.seed((connection) => {
      for (let index = 0; index < count; index++) {
        connection.run(
          `INSERT INTO deliveries (id, subscription_id, account_id, topic, type, number, event, sent_at, validity_at, link_base, state,
             step_base_at, next_attempt_at) VALUES (?, ?, ?, 'red', 'Notification', ?, ?, 1, 1, '', 'waiting', 1, 1)`,
          crypto.randomUUID(),
          subscription,
          company.account,
          index + 1,
          event,
        );
      }
    });
  return { world, company, actor, seed, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

test("a page of deliveries reads as many rows as it shows, and no events; its cursor is in its body and in its Link", async () => {
  await using it = await openSubscribed();
  it.seed(400, JSON.stringify({ long: "x".repeat(20_000) }));
  const { deps, asked } = recordQueries(it.world);
  const { deliveries } = deps.store.read((reader) => listDeliveries(reader, it.actor, { limit: 10 }));
  expect(deliveries.map(({ event }) => event)).toEqual(Array(10).fill(null));
  expect(asked.reduce((rows, one) => rows + one.rows, 0)).toBeLessThan(15);

  const first = await it.company.call("GET", "/notifications/deliveries?limit=10");
  expect(nextOf(first)).toBe(`/users?limit=10&cursor=${encodeURIComponent(first.body.cursor)}`);
  const pages = await allPages(it.company, "/notifications/deliveries?type=Notification");
  expect(pages.flatMap((page) => page.deliveries).length).toBe(401);
  const one = await it.company.call("GET", `/notifications/deliveries/${first.body.deliveries[0].uuid}`);
  expect(one.body.event.long.length).toBe(20_000);
});

test("a list of subscriptions does not count all deliveries that wait for each", async () => {
  await using it = await openSubscribed();
  it.seed(3000, "{}");
  const [listed] = (await it.company.call("GET", "/notifications/subscriptions")).body.subscriptions;
  expect(listed.health.waiting).toBe(200);
  const one = await it.company.call("GET", `/notifications/subscriptions/${listed.uuid}`);
  expect(one.body.health.waiting).toBe(3001);
  const { deps, asked } = recordQueries(it.world);
  deps.store.read((reader) => listSubscriptions(reader, it.actor, { limit: 100 }));
  const counts = asked.filter(({ sql }) => sql.includes("count(*)"));
  expect(Math.max(...counts.map(({ binds }) => Number(binds.at(-1))))).toBe(200);
});

test("a delivery with 250 attempts shows them in pages", async () => {
  await using it = await openSubscribed();
  const [{ uuid }] = it.world.query("SELECT id AS uuid FROM deliveries");
  it.world.seed((connection) => {
    for (let number = 1; number <= 250; number++) {
      connection.run(
        `INSERT INTO delivery_attempts (delivery_position, number, started_at, duration_ms, status, answer)
         SELECT position, ?, 1, 1, 500, 'no' FROM deliveries WHERE id = ?`,
        number,
        uuid,
      );
    }
  });
  const pages = await allPages(it.company, `/notifications/deliveries/${uuid}`);
  expect(pages.map(({ attempts }) => attempts.length)).toEqual([100, 100, 50]);
  expect(pages.flatMap(({ attempts }) => attempts.map(({ number }: { number: number }) => number))).toEqual(
    Array.from({ length: 250 }, (_, index) => index + 1),
  );
});
