import { expect, test } from "bun:test";
import { SYSTEM } from "../../src/kernel/actor.ts";
import type { JsonText } from "../../src/kernel/json-text.ts";
import { leaseDeliveries } from "../../src/notifications/deliveries/lease-deliveries.ts";
import type { Publication } from "../../src/notifications/model/publish.ts";
import { openNotified, publishLater } from "../support/notifications/open-notified.ts";

const EVENT = "{}" as JsonText;

/**
 * A company that subscribes to its own topic and to those of another, which publishes without end. Nothing is sent:
 * leases show what would be.
 */
async function openFlooded(hostileTopics: string[]) {
  const notified = await openNotified();
  const { world, company: victim, twin } = notified;
  const hostile = await world.createAccount("Hostile");
  const own = await notified.confirmed(victim, { path: "/own" });
  await hostile.call("PATCH", `/notifications/webhooks/access/accounts/${victim.account}`, { topics: hostileTopics });
  for (const topic of hostileTopics) await notified.confirmed(victim, { topic, account: hostile.account });
  await world.deliverer.stop(0);
  const publication = (accountId: string, topic: string, twinId: string): Publication => ({
    accountId,
    twinId,
    topics: [topic],
    trigger: "ledger.entry.updated",
    event: EVENT,
  });
  const inFlight: Record<string, number> = {};
  const lines: Record<string, string[]> = {};
  return {
    notified,
    world,
    twin,
    victim,
    hostile,
    own,
    [Symbol.asyncDispose]: () => notified[Symbol.asyncDispose](),
    /**
     * Makes `count` messages of the other account, about one twin or each about another: the first is published, the
     * others are copies.
     */
    async flood(count: number, topic: string, about: "one twin" | "many twins" = "one twin") {
      await publishLater(world, [publication(hostile.account, topic, twin)]);
      const twinOf = about === "one twin" ? "twin_id" : "lower(hex(randomblob(16)))";
      const columns = world.query("SELECT name FROM pragma_table_info('deliveries')").map(({ name }) => name);
      const values: Record<string, string> = { position: "NULL", id: "lower(hex(randomblob(16)))" };
      Object.assign(values, { number: "number + n", twin_id: twinOf });
      world.seed((connection) => {
        connection.run(
          `WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ?)
           INSERT INTO deliveries SELECT ${columns.map((name) => values[name] ?? name)} FROM copies,
             (SELECT * FROM deliveries WHERE publisher_id = ? ORDER BY position DESC LIMIT 1)`,
          count - 1,
          hostile.account,
        );
        connection.run(
          "UPDATE webhook_subscriptions SET message_count = (SELECT max(number) FROM deliveries WHERE subscription_id = webhook_subscriptions.id) WHERE topic = ? AND message_count > 0",
          topic,
        );
      });
    },
    say: (twinId = twin) => publishLater(world, [publication(victim.account, "red", twinId)]),
    /** What the next lease hands out, with `room` free places. All that was leased stays in flight. */
    async lease(room = 512) {
      const { leased, linedUp } = await world.store.write(leaseDeliveries, SYSTEM, {
        lease: crypto.randomUUID(),
        held: [],
        room,
        inFlight: { ...inFlight },
        lines: { ...lines },
      });
      for (const { share } of leased) inFlight[share] = (inFlight[share] ?? 0) + 1;
      for (const { share } of linedUp) lines[share] = [];
      return leased.map(({ delivery }) => delivery);
    },
  };
}

test("ten thousand messages of another account about the same twin wait in a lane of their own", async () => {
  await using flooded = await openFlooded(["noise"]);
  const { victim, hostile, twin } = flooded;
  await flooded.flood(10_000, "noise");
  await flooded.say();
  const first = await flooded.lease();
  const told = first.map(({ publisherId, twinId, number }) => [publisherId, twinId, number]);
  expect(told.sort()).toEqual([hostile, victim].map(({ account }) => [account, twin, 1]).sort());
  // A flood does not advance the numbers of another publisher's messages.
  const { health } = (await victim.call("GET", `/notifications/subscriptions/${flooded.own.uuid}`)).body;
  expect(health.messages).toBe(1);
});

test("in a subscription with an inherited publisher, its flood does not delay the subscriber's own messages either", async () => {
  await using flooded = await openFlooded(["red"]);
  const { world, victim, hostile, own, twin } = flooded;
  world.seed((connection) => {
    connection.run("DELETE FROM deliveries");
    connection.run(
      "UPDATE webhook_subscriptions SET ended_at = 0, end_reason = 'deleted', due_at = NULL WHERE id <> ?",
      own.uuid,
    );
    connection.run("INSERT INTO inherited_publishers VALUES (?, 'red', ?)", hostile.account, own.uuid);
  });
  const publishers = async () => (await flooded.lease()).map(({ publisherId }) => publisherId);
  const setFailing = (since: number | null) =>
    world.seed((connection) =>
      connection.run("UPDATE webhook_subscriptions SET failing_since = ?, due_at = 1 WHERE id = ?", since, own.uuid),
    );
  await flooded.flood(5000, "red", "many twins");
  await flooded.flood(5000, "red");
  world.clock.advance(1);
  await flooded.say();
  // An endpoint that has failed gets one message at a time: the account's own messages come first.
  setFailing(1);
  expect(await publishers()).toEqual([victim.account]);
  setFailing(null);
  await flooded.say();
  for (let i = 0; i < 4; i++) await flooded.say(crypto.randomUUID());
  const next = await publishers();
  expect([next.length, next.filter((publisher) => publisher === victim.account).length]).toEqual([31, 4]);
  const inFlight = world.query("SELECT publisher_id, twin_id FROM deliveries WHERE state = 'sending'");
  const aboutTwin = inFlight.filter(({ twin_id }) => twin_id === twin).map(({ publisher_id }) => publisher_id);
  expect(aboutTwin.sort()).toEqual([victim.account, hostile.account].sort());
});

test("messages of other publishers take none of an account's own places", async () => {
  const topics = ["a", "b", "c", "d", "e"];
  await using flooded = await openFlooded(topics);
  const { world, victim, hostile } = flooded;
  for (const topic of topics) await flooded.flood(50, topic, "many twins");
  const handedOut = async () => {
    const counts: Record<string, number> = {};
    for (let leased = await flooded.lease(); leased.length > 0; leased = await flooded.lease())
      for (const { publisherId } of leased) counts[publisherId] = (counts[publisherId] ?? 0) + 1;
    return counts;
  };
  // All that an account may have in flight.
  expect(await handedOut()).toEqual({ [hostile.account]: 128 });
  world.clock.advance(1);
  for (let i = 0; i < 50; i++) await flooded.say(crypto.randomUUID());
  expect(await handedOut()).toEqual({ [victim.account]: 32 });
});
