import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { SYSTEM } from "../../src/kernel/actor.ts";
import type { JsonText } from "../../src/kernel/json-text.ts";
import { publish } from "../../src/notifications/model/publish.ts";
import { command } from "../../src/store/sqlite/command.ts";
import { type Message, startReceiver } from "../support/notifications/receiver.ts";
import { expectConsistent } from "../support/store/breakages.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { type Json, openWorld } from "../support/world/world.ts";

// A database of the first release (fixtures/make.ts), in which a grant alone delivered: four accounts have granted a
// company the topic red. Two of them have published on it, one has not, and one has withdrawn it since.

const FIXTURES = join(import.meta.dir, "fixtures");
const made: Json = JSON.parse(readFileSync(join(FIXTURES, "granted.json"), "utf8"));
const { company, byEntry, bySticker, unused, withdrawn } = made.accounts;
const DAY = 86_400_000;

const publishNow = command("publish_now", (tx, _actor, accountId: string) =>
  publish(tx, {
    accountId,
    twinId: made.twin,
    trigger: "ledger.entry.updated",
    topics: ["red"],
    event: "{}" as JsonText,
  }),
);

/** Opens it with today's program, changed beforehand as the test says, with a live receiver. */
async function openGranted(change = "") {
  const folder = memoryFolder();
  const receiver = startReceiver();
  const database = new Database(join(folder.path, "twinpost.db"));
  database.exec(readFileSync(join(FIXTURES, "granted.sql"), "utf8"));
  database.exec(`${change}; UPDATE webhook_subscriptions SET callback_url = '${receiver.url}/' || topic`);
  database.close();
  writeFileSync(join(folder.path, "master.key"), Buffer.from(made.masterKey, "hex"), { mode: 0o600 });
  const world = await openWorld({ "webhook-allow": "127.0.0.0/8", "deliveries-keep": "1D" }, undefined, folder);
  world.clock.set(made.madeAt + 60_000);
  const headers = { authorization: made.secret };
  return {
    world,
    receiver,
    async subscriptions(): Promise<Json[]> {
      return (await world.call("GET", "/notifications/subscriptions", { headers })).body.subscriptions;
    },
    /** What the company receives when an account publishes on the topic. */
    async told(accountId: string) {
      const before = receiver.messages.length;
      await world.store.write(publishNow, SYSTEM, accountId);
      await world.deliverer.settled();
      return receiver.messages.slice(before).map(({ path, body }) => [path, body.publisher, body.number]);
    },
    notices: () =>
      world.logged.flatMap(({ event, level, account, topic, publisher, subscriptions }) =>
        event.startsWith("upgrade.grant") ? [[level, event, account, topic, publisher, subscriptions]] : [],
      ),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

const byNumber = (a: Message, b: Message) => a.body.number - b.body.number;

test("a subscription of the first release keeps receiving from its own account, and through grants that were used, and from no others", async () => {
  await using granted = await openGranted();
  const { world, receiver } = granted;
  expectConsistent(world.dataDir);
  const [red, blue] = await granted.subscriptions();
  const inherited = [byEntry, bySticker].sort();
  expect([red.topic, red.publisher, red.inherited_publishers]).toEqual(["red", company, inherited]);
  expect([blue.topic, blue.publisher, blue.inherited_publishers]).toEqual(["blue", company, undefined]);
  // The operator is notified, once.
  const notice = (event: string, publisher: string) => ["warn", `upgrade.${event}`, company, "red", publisher, 1];
  const notices = [notice("grant_kept", byEntry), notice("grant_kept", bySticker), notice("grant_unused", unused)];
  expect(granted.notices().sort()).toEqual(notices.sort());
  expect(world.query("SELECT * FROM upgrade_notices")).toEqual([]);

  // What still waited is sent with its number, and names its publisher, whatever has become of the grant.
  world.deliverer.start();
  await world.deliverer.settled();
  const waited = receiver.messages.toSorted(byNumber).map(({ body }) => [body.number, body.publisher]);
  expect(waited).toEqual([
    [7, company],
    [8, withdrawn],
    [9, byEntry],
    [10, bySticker],
  ]);
  expect(await granted.told(company)).toEqual([["/red", company, 11]]);
  expect(await granted.told(byEntry)).toEqual([["/red", byEntry, 12]]);
  expect(await granted.told(bySticker)).toEqual([["/red", bySticker, 13]]);
  expect(await granted.told(unused)).toEqual([]);
  expect(await granted.told(withdrawn)).toEqual([]);

  // A withdrawn grant delivers nothing here either.
  world.seed((connection) => connection.run("DELETE FROM topic_grants WHERE account_id = ?", byEntry));
  expect(await granted.told(byEntry)).toEqual([]);
  // Once the subscription has ended and its deliveries are old, nothing of it is left.
  world.scheduler.start();
  for (let day = 0; day < 12; day++) {
    world.clock.advance(DAY);
    await world.scheduler.settled();
  }
  expect(world.query("SELECT * FROM inherited_publishers")).toEqual([]);
  expectConsistent(world.dataDir);
});

test("the publisher is found by what changed if several accounts changed the same twin at the same instant", async () => {
  await using granted = await openGranted(
    `UPDATE events SET occurred_at = (SELECT occurred_at FROM events WHERE sequence = 22) WHERE sequence BETWEEN 20 AND 22;
     UPDATE deliveries SET sent_at = (SELECT occurred_at FROM events WHERE sequence = 22), state = 'failed' WHERE position IN (7, 8)`,
  );
  const publishers = granted.world.query(
    "SELECT publisher_id FROM deliveries WHERE position IN (7, 8) ORDER BY position",
  );
  expect(publishers.map(({ publisher_id }) => publisher_id)).toEqual([company, byEntry]);
  expect((await granted.subscriptions())[0].inherited_publishers).toEqual([byEntry, bySticker].sort());
});

test("a grant counts as unused if the journal no longer shows its use, and messages of unknown publishers are sent unchanged", async () => {
  await using granted = await openGranted("DELETE FROM events WHERE sequence < (SELECT max(sequence) FROM events)");
  const { world, receiver } = granted;
  expect((await granted.subscriptions())[0].inherited_publishers).toEqual([bySticker]);
  expect(
    granted
      .notices()
      .map(([, event, , , publisher]) => [event, publisher])
      .sort(),
  ).toEqual(
    [
      ["upgrade.grant_kept", bySticker],
      ["upgrade.grant_unused", byEntry],
      ["upgrade.grant_unused", unused],
    ].sort(),
  );
  world.deliverer.start();
  await world.deliverer.settled();
  const waited = receiver.messages.toSorted(byNumber).map(({ body }) => [body.number, "publisher" in body]);
  expect(waited).toEqual([
    [7, false],
    [8, false],
    [9, false],
    [10, true],
  ]);
});
