import { expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { loadOrCreateKey, saveSealedKey } from "../../src/store/keys/sealed-keys.ts";
import { createVault } from "../../src/store/keys/vault.ts";
import { MIGRATIONS } from "../../src/store/migrations/index.ts";
import { migrate } from "../../src/store/migrations/migrate.ts";
import { openServerStore } from "../../src/store/store.ts";
import { openTestStore } from "../support/store/open-test-store.ts";

test("the database is opened in WAL mode with synchronous=FULL and foreign keys, and every table is strict", async () => {
  await using world = await openTestStore();
  const connection = world.connect();
  expect(connection.pragma("journal_mode")).toMatchObject({ journal_mode: "wal" });
  expect(connection.pragma("synchronous")).toMatchObject({ synchronous: 2 });
  expect(connection.pragma("foreign_keys")).toMatchObject({ foreign_keys: 1 });
  const loose = connection.all(
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
  );
  expect(loose).toEqual([]);
  connection.close();
});

test("a second server on the same data directory is refused until the first has stopped", async () => {
  await using world = await openTestStore();
  const second = openServerStore(world.options);
  const refused = second.catch((error: Error) => error);
  for (let i = 0; i < 100; i++) {
    world.clock.advance(50);
    await new Promise((done) => setImmediate(done));
  }
  expect(await refused).toMatchObject({ name: "StoreInUse", message: expect.stringContaining(world.options.dataDir) });

  await world.store.close();
  const third = await openServerStore(world.options);
  await third.close();
});

test("a command-line tool can write while a server runs", async () => {
  await using world = await openTestStore();
  const tool = await world.openTool();
  await tool.write(saveSealedKey, SYSTEM, { name: "from the tool", sealed: "x" });
  expect(await world.store.write(saveSealedKey, SYSTEM, { name: "from the tool", sealed: "y" })).toBe("x");
  await tool.close();
});

test("a command-line tool migrates a database that no server has opened yet", async () => {
  await using world = await openTestStore();
  await world.store.close();
  for (const file of ["twinpost.db", "twinpost.db-wal", "twinpost.db-shm", "master.key"])
    rmSync(world.file(file), { force: true });
  const tool = await world.openTool();
  await tool.write(saveSealedKey, SYSTEM, { name: "early", sealed: "x" });
  await tool.close();
  await world.reopen();
  expect(await world.store.write(saveSealedKey, SYSTEM, { name: "early", sealed: "y" })).toBe("x");
});

test("a database of a newer program is refused with a clear message", async () => {
  await using world = await openTestStore();
  const older = MIGRATIONS.slice(0, -1);
  await expect(migrate(world.file("twinpost.db"), 0, older)).rejects.toThrow(
    /newer than this program.*start a newer twinpost/,
  );
});

test("a database with unknown migrations is refused", async () => {
  await using world = await openTestStore();
  const edited = MIGRATIONS.map((migration) => ({ ...migration, sql: `${migration.sql}\n-- edited` }));
  await expect(migrate(world.file("twinpost.db"), 0, edited)).rejects.toThrow("written by another twinpost");
});

test("a migration that fails is rolled back as a whole, and the next start continues there", async () => {
  await using world = await openTestStore();
  const number = (MIGRATIONS.at(-1)?.number ?? 0) + 1;
  const half = { number, name: "half", sql: "CREATE TABLE half (a TEXT) STRICT; CREATE TABLE half (a TEXT) STRICT;" };
  const whole = { number, name: "half", sql: "CREATE TABLE half (a TEXT) STRICT;" };
  await expect(migrate(world.file("twinpost.db"), 0, [...MIGRATIONS, half])).rejects.toThrow("already exists");
  expect(await migrate(world.file("twinpost.db"), 0, [...MIGRATIONS, whole])).toBe(1);
  expect(await migrate(world.file("twinpost.db"), 0, [...MIGRATIONS, whole])).toBe(0);
});

test("the master key is readable by its owner only, and the same after a restart", async () => {
  await using world = await openTestStore();
  expect(statSync(world.file("master.key")).mode & 0o777).toBe(0o600);
  expect(statSync(world.options.dataDir).mode & 0o077).toBe(0);
  const key = await loadOrCreateKey(world.store, "some-key", () => systemRandom.bytes(32));
  await world.reopen();
  expect(await loadOrCreateKey(world.store, "some-key", () => systemRandom.bytes(32))).toEqual(key);
  const stored =
    readFileSync(world.file("twinpost.db")).toString("latin1") +
    readFileSync(world.file("twinpost.db-wal")).toString("latin1");
  expect(stored).not.toContain(Buffer.from(key).toString("latin1"));
});

test("a missing, foreign or damaged master key stops the start, and no new key is created", async () => {
  await using world = await openTestStore();
  await world.store.close();
  const key = readFileSync(world.file("master.key"));
  const file = world.file("master.key");

  rmSync(file);
  await expect(openServerStore(world.options)).rejects.toThrow("is missing; restore it from the backup");
  expect(existsSync(file)).toBe(false);
  writeFileSync(file, systemRandom.bytes(32));
  await expect(openServerStore(world.options)).rejects.toThrow("is not the master key of this database");
  writeFileSync(file, key.subarray(0, 10));
  await expect(openServerStore(world.options)).rejects.toThrow("is damaged: it holds 10 bytes, not 32");

  writeFileSync(file, key);
  chmodSync(file, 0o600);
  await world.reopen();
});

test("a sealed value opens only under its label, and not after a byte was changed", () => {
  const vault = createVault(systemRandom.bytes(32), systemRandom);
  const plain = systemRandom.bytes(40);
  const sealed = vault.seal("a", plain);
  expect(vault.open("a", sealed)).toEqual(plain);
  expect(vault.seal("a", plain)).not.toBe(sealed);
  expect(() => vault.open("b", sealed)).toThrow();
  const changed = Buffer.from(sealed, "base64url");
  changed[20] = (changed[20] as number) ^ 1;
  expect(() => vault.open("a", changed.toString("base64url"))).toThrow();
  expect(() => createVault(systemRandom.bytes(32), systemRandom).open("a", sealed)).toThrow();
});

test("a stopped server leaves all data in the database file", async () => {
  await using world = await openTestStore();
  await world.store.write(saveSealedKey, SYSTEM, { name: "kept", sealed: "x" });
  expect(statSync(world.file("twinpost.db-wal")).size).toBeGreaterThan(0);
  await world.store.close();
  expect(statSync(world.file("twinpost.db-wal"), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  await world.reopen();
});

test("what a migration changed is logged once, as a warning, by the next server", async () => {
  await using world = await openTestStore();
  await world.store.close();
  const connection = world.connect();
  const fields = JSON.stringify({ account: "a", ended: 3 });
  connection.run("INSERT INTO upgrade_notices (event, fields) VALUES ('grants_unused', ?)", fields);
  connection.close();
  await world.reopen();
  const notices = () => world.logged.filter(({ event }) => event.startsWith("upgrade."));
  expect(notices()).toEqual([
    expect.objectContaining({ level: "warn", event: "upgrade.grants_unused", account: "a", ended: 3 }),
  ]);
  await world.reopen();
  expect(notices().length).toBe(1);
});
