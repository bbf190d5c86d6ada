import { expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { backUp } from "../../src/store/backup/back-up.ts";
import { createRestoreDraft } from "../../src/store/backup/pending-restore.ts";
import { findSealedKey, saveSealedKey } from "../../src/store/keys/sealed-keys.ts";
import { restore } from "../../src/store/restore.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { openServerStore, openToolStore } from "../../src/store/store.ts";
import { temporaryFolder } from "../support/process/server-process.ts";
import { openTestStore } from "../support/store/open-test-store.ts";

/** A store with some content, with functions to back it up and restore it elsewhere. */
async function openBackedUp() {
  const world = await openTestStore();
  const elsewhere = temporaryFolder();
  const { clock, random } = world.options;
  await world.store.write(saveSealedKey, SYSTEM, { name: "kept", sealed: "before" });
  const file = join(elsewhere.path, "it's a backup");
  const target = { ...world.options, dataDir: join(elsewhere.path, "data") };
  return {
    world,
    file,
    target,
    folder: elsewhere.path,
    backUp: (options: { withKey?: boolean; file?: string; signal?: AbortSignal } = {}) =>
      backUp({ dataDir: world.options.dataDir, file, withKey: true, clock, random, ...options }),
    restore: (options: { force?: boolean; keyFile?: string; file?: string; dataDir?: string } = {}) =>
      restore({ dataDir: target.dataDir, file, force: false, clock, random, ...options }),
    /** The value stored as "kept" in the restored database. The store opens, so the master key matches. */
    async kept(dataDir = target.dataDir) {
      const store = await openServerStore({ ...target, dataDir });
      const sealed = store.read((reader) => findSealedKey(reader, "kept"));
      await store.close();
      return sealed;
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      elsewhere[Symbol.dispose]();
    },
  };
}

const setKept = (dataDir: string, sealed: string) => {
  const connection = new Connection(join(dataDir, "twinpost.db"));
  connection.run("UPDATE sealed_keys SET sealed = ? WHERE name = 'kept'", sealed);
  connection.close();
};

test("a backup is one file with owner-only permissions, and holds everything committed before it was made", async () => {
  await using it = await openBackedUp();
  const { byteCount } = await it.backUp();
  setKept(it.world.options.dataDir, "after");
  expect(readdirSync(it.folder)).toEqual(["it's a backup"]);
  expect(statSync(it.file).size).toBe(byteCount);
  expect(statSync(it.file).mode & 0o777).toBe(0o600);
  const { label, replaced } = await it.restore();
  expect([label.createdAt, replaced]).toEqual([it.world.clock.now(), undefined]);
  expect(await it.kept()).toBe("before");
  expect(statSync(join(it.target.dataDir, "master.key")).mode & 0o777).toBe(0o600);
  expect(readdirSync(it.target.dataDir).filter((name) => name.includes("-"))).toEqual(
    readdirSync(it.target.dataDir).filter((name) => name.startsWith("twinpost.db-")),
  );
});

test("any SQLite tool can read a backup", async () => {
  await using it = await openBackedUp();
  await it.backUp();
  const copy = new Connection(it.file, { immutable: true });
  expect(copy.all("SELECT sealed FROM sealed_keys WHERE name = 'kept'")).toMatchObject([{ sealed: "before" }]);
  expect(copy.all("SELECT integrity_check AS found FROM pragma_integrity_check")).toMatchObject([{ found: "ok" }]);
  copy.close();
});

test("a backup never overwrites a file, whether it existed before or was created meanwhile", async () => {
  await using it = await openBackedUp();
  writeFileSync(it.file, "mine");
  await expect(it.backUp()).rejects.toThrow("exists already, and is never overwritten");
  rmSync(it.file);
  const making = it.backUp();
  await Bun.sleep(1);
  writeFileSync(it.file, "mine");
  await expect(making).rejects.toThrow("exists already, and is never overwritten");
  expect([readFileSync(it.file, "utf8"), readdirSync(it.folder).length]).toEqual(["mine", 1]);
});

test("a backup fails and leaves no partial file if the database, the folder or the matching master key is missing", async () => {
  await using it = await openBackedUp();
  const { clock, random, dataDir } = it.world.options;
  const nowhere = { dataDir: it.folder, file: it.file, withKey: true, clock, random };
  await expect(backUp(nowhere)).rejects.toThrow(`there is no database in ${it.folder}`);
  await expect(it.backUp({ file: join(it.folder, "no", "where") })).rejects.toThrow(
    /cannot write .*: there is no such/,
  );
  const key = join(dataDir, "master.key");
  const bytes = readFileSync(key);
  writeFileSync(key, systemRandom.bytes(32));
  await expect(it.backUp()).rejects.toThrow("master.key is not the master key of this database");
  rmSync(key);
  await expect(it.backUp()).rejects.toThrow("is missing, and without it a backup cannot be used");
  expect(readdirSync(it.folder)).toEqual([]);
  writeFileSync(key, bytes);
});

test("a cancelled backup leaves no file", async () => {
  await using it = await openBackedUp();
  const fill = new Connection(join(it.world.options.dataDir, "twinpost.db"));
  fill.run("BEGIN");
  for (let i = 0; i < 20_000; i++) fill.run("INSERT INTO sealed_keys VALUES (?, ?)", `key ${i}`, "x".repeat(1_000));
  fill.run("COMMIT");
  fill.close();
  const stop = new AbortController();
  const making = it.backUp({ signal: stop.signal });
  await Bun.sleep(5);
  stop.abort();
  await expect(making).rejects.toThrow("the backup was cancelled, and its partial file removed");
  expect(readdirSync(it.folder)).toEqual([]);
});

test("a backup without the master key is restored with the folder's key or a named one", async () => {
  await using it = await openBackedUp();
  await it.backUp({ withKey: false });
  const key = readFileSync(join(it.world.options.dataDir, "master.key"));
  expect(readFileSync(it.file).includes(key.toString("base64"))).toBe(false);
  expect(readFileSync(it.file).includes(key)).toBe(false);
  await expect(it.restore()).rejects.toThrow("was made without its master key");
  const keyFile = join(it.folder, "key");
  writeFileSync(keyFile, systemRandom.bytes(32));
  await expect(it.restore({ keyFile })).rejects.toThrow("not the master key that its database was written with");
  copyFileSync(join(it.world.options.dataDir, "master.key"), keyFile);
  await it.restore({ keyFile });
  expect(await it.kept()).toBe("before");
  const second = join(it.folder, "second");
  mkdirSync(second);
  copyFileSync(keyFile, join(second, "master.key"));
  await it.restore({ dataDir: second });
  expect(await it.kept(second)).toBe("before");
});

test("an incomplete or changed backup is refused wherever it was cut or changed, and the data directory is unchanged", async () => {
  await using it = await openBackedUp();
  await it.backUp();
  const whole = readFileSync(it.file);
  const file = join(it.folder, "damaged");
  const refusal = async () => {
    const error = await it.restore({ file }).then(
      () => undefined,
      (refused: Error) => refused,
    );
    expect(existsSync(join(it.target.dataDir, "twinpost.db"))).toBe(false);
    return error?.message ?? "restored";
  };
  for (const length of [0, 1, 100, 4096, whole.length >> 1, whole.length - 113, whole.length - 1]) {
    copyFileSync(it.file, file);
    truncateSync(file, length);
    expect(await refusal()).toContain("is no backup, or only part of one: the label at its end is missing");
  }
  for (let i = 0; i < 40; i++) {
    const bytes = Buffer.from(whole);
    const position = i < 20 ? systemRandom.below(bytes.length) : bytes.length - 1 - systemRandom.below(500);
    bytes[position] = (bytes[position] as number) ^ (1 << systemRandom.below(8));
    writeFileSync(file, bytes);
    expect([position, await refusal()]).toEqual([
      position,
      expect.stringMatching(/is damaged|is no backup|newer twinpost/),
    ]);
  }
  copyFileSync(it.file, file);
  appendFileSync(file, "\n");
  expect(await refusal()).toContain("is no backup");
  rmSync(file);
  expect(await refusal()).toContain("there is no such file or folder");
  mkdirSync(file);
  expect(await refusal()).toContain("is no file");
});

test("a backup with a damaged database, a broken foreign key or a newer schema is refused before any change", async () => {
  await using it = await openBackedUp();
  const refuses = async (spoil: (connection: Connection) => void, says: RegExp) => {
    const connection = it.world.connect();
    connection.pragma("foreign_keys = OFF");
    spoil(connection);
    connection.close();
    rmSync(it.file, { force: true });
    await it.backUp();
    await expect(it.restore()).rejects.toThrow(says);
    expect(existsSync(join(it.target.dataDir, "twinpost.db"))).toBe(false);
  };
  const orphan = "INSERT INTO roles VALUES ('r', 'nobody', 'x', 'allow', null, 0, 0, null, null, null)";
  await refuses((connection) => connection.run(orphan), /roles: rows that name no row of accounts: 1/);
  await refuses((connection) => {
    connection.run("DELETE FROM roles");
    connection.run("INSERT INTO schema_migrations VALUES (9999, 'later', 'x', 0)");
  }, /newer than this program.*9999/);
});

test("an existing database is replaced only by force, and kept in a folder next to it", async () => {
  await using it = await openBackedUp();
  await it.backUp();
  await it.restore();
  setKept(it.target.dataDir, "newer");
  const key = readFileSync(join(it.target.dataDir, "master.key"));
  await expect(it.restore()).rejects.toThrow("holds a database already; --force replaces it");
  expect(await it.kept()).toBe("newer");
  const { replaced } = await it.restore({ force: true });
  expect(await it.kept()).toBe("before");
  expect(await it.kept(replaced)).toBe("newer");
  expect(readFileSync(join(replaced as string, "master.key"))).toEqual(key);
});

test("a master key of another database is not replaced without force", async () => {
  await using it = await openBackedUp();
  await it.backUp();
  mkdirSync(it.target.dataDir);
  const present = join(it.target.dataDir, "master.key");
  writeFileSync(present, systemRandom.bytes(32));
  chmodSync(present, 0o600);
  await expect(it.restore()).rejects.toThrow("is another master key; --force replaces it");
  await it.restore({ force: true });
  expect(await it.kept()).toBe("before");
});

test("a restore is refused while a server runs", async () => {
  await using it = await openBackedUp();
  await it.backUp();
  let refused: Error | undefined;
  it.restore({ force: true, dataDir: it.world.options.dataDir }).catch((error: Error) => {
    refused = error;
  });
  while (!refused) {
    it.world.clock.advance(50);
    await new Promise((done) => setImmediate(done));
  }
  expect(refused).toMatchObject({ name: "StoreInUse", message: expect.stringContaining("stop it first") });
});

test("a replacement interrupted at any step is finished when the data directory is next opened", async () => {
  await using it = await openBackedUp();
  await it.backUp();
  const key = readFileSync(join(it.world.options.dataDir, "master.key"));
  // Each step of the replacement, as a crash right after it leaves the folder.
  const steps: ((dataDir: string) => void)[] = [
    () => {},
    (dir) => aside(dir, "twinpost.db-wal"),
    (dir) => aside(dir, "twinpost.db"),
    (dir) => aside(dir, "master.key"),
    (dir) => renameSync(join(dir, "restoring-x"), join(dir, "placing-x")),
    (dir) => renameSync(join(dir, "placing-x", "master.key"), join(dir, "master.key")),
    (dir) => renameSync(join(dir, "placing-x", "twinpost.db"), join(dir, "twinpost.db")),
  ];
  const aside = (dir: string, name: string) => {
    mkdirSync(join(dir, "replaced-x"), { recursive: true });
    renameSync(join(dir, name), join(dir, "replaced-x", name));
  };
  for (const open of [openServerStore, openToolStore]) {
    for (let cut = 1; cut <= steps.length; cut++) {
      const dataDir = join(it.folder, `${open.name} ${cut}`);
      const old = join(it.folder, `old of ${open.name} ${cut}`);
      await it.restore({ dataDir: old });
      setKept(old, "old");
      mkdirSync(dataDir);
      for (const name of ["twinpost.db", "master.key"]) copyFileSync(join(old, name), join(dataDir, name));
      writeFileSync(join(dataDir, "twinpost.db-wal"), "");
      const draft = createRestoreDraft(dataDir, "x");
      await it.restore({ dataDir: join(it.folder, `new of ${open.name} ${cut}`) });
      copyFileSync(join(it.folder, `new of ${open.name} ${cut}`, "twinpost.db"), draft.files.database);
      writeFileSync(draft.files.masterKey, key);
      draft.decide();
      for (const step of steps.slice(0, cut)) step(dataDir);

      const store = await open({ ...it.target, dataDir });
      expect([cut, store.read((reader) => findSealedKey(reader, "kept"))]).toEqual([cut, "before"]);
      await store.close();
      expect(readdirSync(join(dataDir, "replaced-x")).sort()).toEqual(["master.key", "twinpost.db", "twinpost.db-wal"]);
      expect(readdirSync(dataDir).filter((name) => /^(restor|plac)/.test(name))).toEqual([]);
    }
  }
});
