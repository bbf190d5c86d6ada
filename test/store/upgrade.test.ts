import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { MIGRATIONS } from "../../src/store/migrations/index.ts";
import { migrate } from "../../src/store/migrations/migrate.ts";
import { MqttWire } from "../support/mqtt/mqtt-wire.ts";
import { serveBroker } from "../support/mqtt/served-broker.ts";
import { expectConsistent } from "../support/store/breakages.ts";
import { filesOf, folderWith, memoryFolder } from "../support/store/memory-folder.ts";
import { openWorld, type World } from "../support/world/world.ts";

// Databases written by the code of their time (fixtures/make.ts), with its responses. Some migrations were released
// together: no code ever wrote with the first of those as its newest, so these levels are reached by migrating from the
// previous one.

const FIXTURES = join(import.meta.dir, "fixtures");
const names = readdirSync(FIXTURES)
  .filter((name) => name.endsWith(".sql"))
  .sort();
const levelOf = (name: string) => Number(/\d+/.exec(name)?.[0]);

type Kept = {
  masterKey: string;
  secret: string;
  token: string;
  /** A device that has left a session and a will; set since MQTT exists. */
  panel?: string;
  answers: Record<string, { status: number; body: object }>;
};

/** A data directory as that server left it. */
function folderOf(name: string) {
  const folder = memoryFolder();
  const kept: Kept = JSON.parse(readFileSync(join(FIXTURES, name.replace(".sql", ".json")), "utf8"));
  const database = new Database(join(folder.path, "twinpost.db"));
  database.exec(readFileSync(join(FIXTURES, name), "utf8"));
  database.close();
  writeFileSync(join(folder.path, "master.key"), Buffer.from(kept.masterKey, "hex"), { mode: 0o600 });
  return { folder, kept };
}

/** Opens the data directory with today's program: everything answers as it did, and everything that has to be true is. */
async function expectUpgraded(folder: ReturnType<typeof memoryFolder>, { secret, token, panel, answers }: Kept) {
  await using world = await openWorld({}, undefined, folder);
  expect(world.query("SELECT max(number) AS level FROM schema_migrations")).toMatchObject([
    { level: MIGRATIONS.at(-1)?.number },
  ]);
  expectConsistent(folder.path);
  for (const [path, { status, body }] of Object.entries(answers)) {
    const headers = path.startsWith("/iot/") ? { "x-auth-token": token } : { authorization: secret };
    const answer = await world.call("GET", path, { headers });
    expect([path, answer.status]).toEqual([path, status]);
    expect(answer.body).toMatchObject(body);
  }
  if (panel !== undefined) await expectServed(world, panel);
  const made = await world.call("POST", "/twins", { headers: { authorization: secret }, body: {} });
  expect(made.status).toBe(201);
  expectConsistent(folder.path);
}

/** The device's client gets its messages and the retained ones, and connects before its will is due. */
async function expectServed(world: World, panel: string) {
  const wills = () => world.query("SELECT topic FROM mqtt_wills").map(({ topic }) => topic);
  expect(wills()).toEqual(["gone"]);
  const served = await serveBroker(world);
  const wire = await MqttWire.open(served.addresses.tcp, 5);
  try {
    const lasting = { clientId: panel, clean: false, properties: { sessionExpiryInterval: 3600 } };
    expect(await wire.connect(lasting)).toMatchObject({ reasonCode: 0, sessionPresent: true });
    await wire.receive("a/1", "small", { properties: { subscriptionIdentifier: 7 } });
    await wire.receive("a/2", "large".repeat(400));
    await wire.publish("a/3", "taken by the old subscription");
    await wire.receive("a/3", "taken by the old subscription");
    await wire.subscribe("kept/#", 1);
    await wire.receive("kept/1", "retained", { retain: true });
    expect(wills()).toEqual([]);
  } finally {
    wire.abort();
    await served.stop();
  }
}

for (const [index, name] of names.entries()) {
  const level = levelOf(name);
  const next = names[index + 1];
  test(`a database written at migration ${level} opens with the same responses`, async () => {
    const { folder, kept } = folderOf(name);
    expect(Object.keys(kept.answers).length).toBeGreaterThan(7);
    await expectUpgraded(folder, kept);
  });

  for (let between = level + 1; between < (next ? levelOf(next) : MIGRATIONS.length); between++) {
    test(`a database from migration ${level}, interrupted at ${between}, opens with the same responses`, async () => {
      const { folder, kept } = folderOf(name);
      expect(await migrate(join(folder.path, "twinpost.db"), 0, MIGRATIONS.slice(0, between))).toBe(between - level);
      await expectUpgraded(folder, kept);
    });
  }
}

test("an empty database opens from every level", async () => {
  using grown = memoryFolder();
  for (let level = 0; level <= MIGRATIONS.length; level++) {
    await migrate(join(grown.path, "twinpost.db"), 0, MIGRATIONS.slice(0, level));
    const folder = folderWith(filesOf(grown.path));
    await using world = await openWorld({}, undefined, folder);
    expect((await (await world.createAccount()).call("POST", "/twins")).status).toBe(201);
    expectConsistent(folder.path);
  }
});

test("the newest fixture is at most three migrations old", () => {
  // An unreleased migration has no fixture yet: only the code released with it makes it.
  expect(levelOf(names.at(-1) as string)).toBeGreaterThanOrEqual(MIGRATIONS.length - 3);
});
