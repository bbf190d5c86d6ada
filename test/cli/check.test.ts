import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { MQTT_INVARIANTS } from "../../src/mqtt/persistence/invariant-rows.ts";
import { INVARIANTS } from "../../src/rooms.ts";
import { backUp } from "../../src/store/backup/back-up.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { busyAccount, type Step } from "../support/busy/busy-account.ts";
import { createAccountHere, runHere } from "../support/process/run-here.ts";
import { type Breakage, expectEachNamed, problemsOf } from "../support/store/breakages.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { openWorld } from "../support/world/world.ts";

const steps = (count: number): Step[] =>
  Array.from({ length: count }, () => [systemRandom.below(1000), systemRandom.below(1000), systemRandom.below(1000)]);

/** A world in which two accounts have used every feature, and what `check` reports about its database. */
async function openBusy(count: number) {
  const world = await openWorld();
  const caller = await world.createAccount();
  const busy = busyAccount(world, caller);
  await busy.liveAll();
  await busy.live(steps(count));
  const problems = () => problemsOf(world.dataDir);
  return { world, caller, busy, problems, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

test("every invariant holds after any sequence of operations", async () => {
  await using it = await openBusy(400);
  expect(it.problems()).toEqual([]);
  it.world.scheduler.start();
  for (let day = 0; day < 40; day++) {
    it.world.clock.advance(86_400_000);
    await it.world.scheduler.settled();
    await it.busy.live(steps(10));
  }
  expect(it.problems()).toEqual([]);
});

const BREAKAGES: readonly Breakage[] = [
  ["journal", "DELETE FROM events WHERE sequence = 5", /^events: the journal has a gap before 6$/],
  ["order", "UPDATE events SET occurred_at = 0 WHERE sequence = 5", /^events: the journal goes back in time at 5$/],
  ["data", "UPDATE events SET data = '[1' WHERE kind = 'account.created'", /^events: what 1 says is no JSON object$/],
  [
    "account",
    "UPDATE events SET account_id = 'x' WHERE sequence = 1",
    /^events: 1 is of account x, which does not exist$/,
  ],
  ["twin", "UPDATE events SET twin_id = 'x' WHERE sequence = 1", /^events: 1 is about twin x, which does not exist$/],
  ["users", "UPDATE accounts SET user_count = 99", /^accounts: \S+ counts 99 users, and has \d+$/],
  ["roles", "UPDATE accounts SET role_count = 99", /^accounts: \S+ counts 99 roles, and has \d+$/],
  ["references", "UPDATE accounts SET reference_count = 99", /^accounts: \S+ counts 99 references, and has \d+$/],
  [
    "fans of nothing",
    "INSERT INTO reference_fans VALUES ('t', 'a', 'n', 'b', 1)",
    /^reference_fans: b refers to n of a on t another number of times$/,
  ],
  ["epoch", "INSERT INTO access_epoch VALUES (9)", /^access_epoch: 2 rows, not one/],
  [
    "record count",
    "UPDATE ledger_entries SET record_count = record_count + 1",
    /^ledger_entries: \S+ of \S+ on \S+ counts \d+ history records, and has \d+$/,
  ],
  ["value", "UPDATE ledger_entries SET value = '{'", /^ledger_entries: the value of \S+ of \S+ on \S+ is not JSON$/],
  [
    "history",
    "UPDATE ledger_entries SET value_changed_at = 1",
    /^ledger_history: \S+ of \S+ on \S+ has a record from after its last change$/,
  ],
  [
    "last record",
    "UPDATE ledger_entries SET recent = json_set(recent, '$[#-1][1]', 77)",
    /^ledger_history: the last record of .* is not its value$/,
  ],
  [
    "records in rows",
    "UPDATE ledger_entries SET recent = '[[', record_count = (SELECT count(*) FROM ledger_history)",
    /^ledger_entries: what \S+ of \S+ on \S+ has of its history is not JSON$/,
  ],
  [
    "order of records",
    "INSERT INTO ledger_history SELECT twin_id, account_id, name, value_changed_at, value FROM ledger_entries WHERE recent <> '[]'",
    /^ledger_entries: what \S+ of \S+ on \S+ has of its history is not its newest$/,
  ],
  [
    "authors of rules",
    `UPDATE ledger_entries SET authors = '{"include": {}}'`,
    /^ledger_entries: who set what of \S+ of \S+ on \S+ is not what is set$/,
  ],
  [
    "author of a visibility",
    "UPDATE identities SET author = '{}', visibility = NULL",
    /^identities: who set the visibility of \S+ of \S+ on \S+ is not known, or there is none$/,
  ],
  ["recipients", "DELETE FROM sticker_recipients", /^sticker_recipients: color\d of \S+ on \S+ is not listed for \S+$/],
  [
    "recipients of nothing",
    "INSERT INTO sticker_recipients VALUES ('r', 0, 'a', 't', 'c', 9)",
    /^sticker_recipients: c of a on t is listed for r, and not addressed to them$/,
  ],
  ["document account", "UPDATE documents SET account_id = 'x'", /^documents: d\d of twin \S+ is of another account/],
  ["document data", "UPDATE documents SET data = '[]'", /^documents: d\d of twin \S+ is no JSON object$/],
  [
    "document version",
    "UPDATE documents SET version = version + 1",
    /^documents: version \d+ of d\d of twin \S+ is not what/,
  ],
  ["document sequence", "UPDATE documents SET sequence = 1", /^documents: version \d+ of d\d of twin \S+ is not what/],
  [
    "document content",
    `UPDATE documents SET data = '{"other":1}'`,
    /^documents: d\d of twin \S+ is not what the journal says/,
  ],
  [
    "chain",
    `UPDATE events SET data = json_set(data, '$.after', 1)
     WHERE kind IN ('document.put', 'document.patched') AND data ->> '$.after' IS NOT NULL`,
    /^events: \d+ changes a document, and what it names as the change before is none of that document$/,
  ],
  ["deletion", "UPDATE deleted_documents SET sequence = 1", /^deleted_documents: gone of twin \S+ is not deleted by/],
  [
    "deleted and there",
    "INSERT OR IGNORE INTO deleted_documents SELECT twin_id, name, sequence FROM documents",
    /^deleted_documents: d\d of twin \S+ is there$/,
  ],
  [
    "base",
    "INSERT INTO document_bases SELECT twin_id, name, version, sequence, data FROM documents",
    /^document_bases: d\d of twin \S+ was kept of journal row \d+, which has not been cut$/,
  ],
  [
    "no base",
    "DELETE FROM events WHERE sequence < (SELECT max(sequence) FROM events)",
    /^documents: version \d+ of d\d of twin \S+ is older than the journal, and no base was kept of it$/,
  ],
  ["devices", "UPDATE hubs SET device_count = 99", /^hubs: \S+ counts 99 devices, and has \d$/],
  ["connected", "UPDATE hubs SET connected_device_count = 98", /^hubs: \S+ counts 98 connected devices, and has 0$/],
  [
    "device account",
    "UPDATE devices SET account_id = 'x'",
    /^devices: \S+ is of another account than its hub or its twin$/,
  ],
  [
    "terminated device",
    "UPDATE twins SET terminated_by = owner_id, terminated_at = 1 WHERE id IN (SELECT id FROM devices)",
    /^devices: the twin of \S+ is terminated$/,
  ],
  ["counts", "INSERT INTO message_counts VALUES ('x', 'm', 0, 1, 1)", /^message_counts: messages of x are counted/],
  [
    "a number twice",
    "UPDATE deliveries SET number = 1 WHERE number IS NOT NULL",
    /^deliveries: notification 1 of subscription \S+ was made \d+ times$/,
  ],
  [
    "a number missing",
    "DELETE FROM deliveries WHERE number = 2",
    /^deliveries: subscription \S+ has notification 1, and not the next one$/,
  ],
  [
    "numbers beyond the count",
    "UPDATE webhook_subscriptions SET message_count = 0",
    /^webhook_subscriptions: \S+ counts 0 notifications, and there is one with number \d+$/,
  ],
  [
    "no subscription",
    "DELETE FROM webhook_subscriptions",
    /^deliveries: \S+ waits for subscription \S+, which does not exist$/,
  ],
  ["delivery account", "UPDATE webhook_subscriptions SET account_id = 'x'", /^deliveries: \S+ is of another account/],
  [
    "a subscription without a publisher",
    "UPDATE webhook_subscriptions SET publisher_id = ''",
    /^webhook_subscriptions: \S+ does not say whose topic it is for$/,
  ],
  [
    "inherits itself",
    "INSERT INTO inherited_publishers SELECT publisher_id, topic, id FROM webhook_subscriptions",
    /^inherited_publishers: subscription \S+ inherits \S+ on red, which is not beside its own$/,
  ],
  [
    "never looked at",
    "UPDATE webhook_subscriptions SET due_at = NULL, expires_at = 9e15, ended_at = NULL, end_reason = NULL",
    /^webhook_subscriptions: \S+ has messages that wait, and will never be looked at$/,
  ],
  ["pins", "UPDATE users SET account_id = 'x'", /^pins: the PIN of user \S+ is of another account than the user$/],
  [
    "another's PIN",
    "UPDATE pins SET account_id = 'x'",
    /^pins: the PIN of user \S+ was made by one of another account, or with another's token$/,
  ],
  [
    "more than its maker held",
    `UPDATE user_secrets SET ceiling = '{"statement":{"effect":"deny","actions":["get_twin"]},"rules":{},"user":null}'`,
    /^user_secrets: the role of user \S+ permits more than who made their secret held$/,
  ],
  [
    "connected in silence",
    "UPDATE devices SET is_connected = 1",
    /^devices: \S+ is connected, and was never heard of$/,
  ],
  ["CA of ours", "UPDATE hubs SET ca_subject = 'x'", /^hubs: \S+ is looked for by the name of its CA, which is ours$/],
  [
    "CA without its key identifier",
    "UPDATE hubs SET ca_key_id = 'x'",
    /^hubs: \S+ has a CA of the customer's, and its key identifier was not read, or it has one of ours and was$/,
  ],
  [
    "CA ahead of others",
    `INSERT INTO hubs (id, account_id, name, product_plan, enabled, disable_events, events_topic_prefix, auto_provisioning, ca_pem,
       ca_fingerprint, ca_subject, ca_key_id, created_at, updated_at)
     SELECT id || n, account_id, name, product_plan, 1, 0, 'e', 0, ca_pem, ca_fingerprint || n, 'x', '', 1, 1
     FROM hubs, (SELECT 1 AS n UNION SELECT 2)`,
    /^hubs: account \S+ has 2 CAs of one name in the first 1 turns$/,
  ],
  [
    "waits for its own",
    `UPDATE devices SET pending_certificate_pem = certificate_pem, pending_certificate_fingerprint = certificate_fingerprint`,
    /^devices: \S+ waits for the certificate that it has$/,
  ],
  [
    "a certificate of several",
    `UPDATE devices SET pending_certificate_pem = 'x', pending_certificate_fingerprint = 'x'`,
    /^devices: several of account \S+ have or wait for certificate x$/,
  ],
  [
    "unproven without one",
    "UPDATE devices SET certificate_pem = NULL, certificate_fingerprint = NULL, certificate_proven = 0",
    /^devices: \S+ has no certificate, and it is not proven$/,
  ],
  [
    "a change of something",
    `UPDATE events SET data = json_remove(data, '$.hub') WHERE kind = 'hub.created'`,
    /^events: \d+ changes a hub or a device, and does not say which$/,
  ],
  [
    "a change of no device",
    "UPDATE events SET twin_id = NULL WHERE kind = 'device.created'",
    /^events: \d+ changes a hub or a device, and does not say which$/,
  ],
  [
    "gone without a word",
    "DELETE FROM devices",
    /^devices: \S+ is gone, and the last that the journal has of it is device\.\w+ at \d+$/,
  ],
  [
    "deleted and there",
    `UPDATE events SET kind = 'device.deleted' WHERE kind LIKE 'device.%'`,
    /^devices: \S+ is there, and the journal has it deleted at \d+$/,
  ],
  ["foreign key", "DELETE FROM accounts", /^twins: rows that name no row of accounts: \d+$/],
];

test("each broken invariant is named", async () => {
  await using it = await openBusy(0);
  const { world, caller, busy } = it;
  // The breakages need rows of every kind, among them three numbers, a deleted document and a PIN.
  const call = async (method: string, path: string, body?: object) => {
    const { status } = await caller.call(method, path, body);
    expect([method, path, status < 300]).toEqual([method, path, true]);
  };
  await busy.live([
    [0, 0, 0],
    [19, 0, 1],
    [20, 0, 0],
  ]);
  const twin = busy.twins.at(-1);
  for (const name of ["d0", "d1", "gone"]) await call("PUT", `/twins/${twin}/documents/${name}`, { data: { a: 1 } });
  await call("PUT", `/twins/${twin}/documents/d0`, { data: { a: 2 } });
  await call("DELETE", `/twins/${twin}/documents/gone`);
  await call("POST", `/twins/${twin}/ledgers/personal`, { entries: { kept: { value: 1, history: "INF" } } });
  for (const color of ["color1", "color2", "color3"]) {
    const sticker = { note: "x", recipients: [caller.user], publish: { on_put: ["red"] } };
    await call("POST", `/twins/${twin}/stickers`, { stickers: { [color]: sticker } });
  }
  await call("POST", `/users/${caller.user}/secrets`);
  const [hubId] = world.query("SELECT id FROM hubs").map(({ id }) => id);
  expect(hubId).toBeDefined();
  await busy.live([[15, 0, 3]]);
  world.seed((connection) =>
    connection.run("UPDATE deliveries SET state = 'delivered', settled_at = sent_at WHERE number = 1"),
  );
  // Invariants of devices' sessions and messages have their own test, test/mqtt/persistence/invariants.test.ts.
  const others = INVARIANTS.filter((invariant) => !MQTT_INVARIANTS.includes(invariant));
  expectEachNamed(world.dataDir, others, BREAKAGES);
});

test("a damaged file is distinguished from a sound one, in a data directory and in a backup", async () => {
  using folder = memoryFolder();
  const dataDir = join(folder.path, "data");
  await createAccountHere(dataDir);
  const sound = await runHere(["check"], { dataDir });
  expect([sound.code, sound.stdout]).toEqual([0, `${dataDir}: nothing found\n`]);
  const file = join(folder.path, "backup");
  await backUp({ dataDir, file, withKey: true, clock: systemClock, random: systemRandom });
  const backup = await runHere(["check", file], { dataDir });
  expect([backup.code, backup.stdout]).toEqual([0, `${file}: nothing found\n`]);

  const database = join(dataDir, "twinpost.db");
  const connection = new Connection(database);
  connection.pragma("wal_checkpoint(TRUNCATE)");
  connection.close();
  const bytes = readFileSync(database);
  // The pages of indexes and tables, from the second one on: the first one lists the tables.
  bytes.fill(0xff, 4096 * 3, 4096 * 8);
  writeFileSync(database, bytes);
  const damaged = await runHere(["check"], { dataDir });
  expect([damaged.code, damaged.stdout]).toEqual([1, expect.stringContaining("the database is damaged: ")]);
  expect(damaged.stderr).toMatch(/data: \d+ found\n$/);
});

test("a wrong key is reported, and an older database is not changed", async () => {
  using folder = memoryFolder();
  const dataDir = join(folder.path, "data");
  await createAccountHere(dataDir);
  const key = join(dataDir, "master.key");
  copyFileSync(key, join(folder.path, "key"));
  writeFileSync(key, systemRandom.bytes(32));
  expect(await runHere(["check"], { dataDir })).toMatchObject({
    code: 1,
    stdout: "master.key is not the master key that the database was written with\n",
  });
  copyFileSync(join(folder.path, "key"), key);
  const connection = new Connection(join(dataDir, "twinpost.db"));
  connection.run("DELETE FROM schema_migrations WHERE number = (SELECT max(number) FROM schema_migrations)");
  connection.close();
  const older = await runHere(["check"], { dataDir });
  expect([older.code, older.stderr]).toEqual([1, expect.stringContaining("of an older twinpost, 1 migrations behind")]);
  expect((await runHere(["check"], { dataDir: join(folder.path, "nowhere"), cwd: folder.path })).code).toBe(1);
});

test("a check finds nothing in the backup of a busy world", async () => {
  await using it = await openBusy(100);
  using folder = memoryFolder();
  const { clock, random } = it.world.deps;
  const file = join(folder.path, "backup");
  await backUp({ dataDir: it.world.dataDir, file, withKey: true, clock, random });
  expect((await runHere(["check", file], { dataDir: it.world.dataDir })).stdout).toBe(`${file}: nothing found\n`);
});
