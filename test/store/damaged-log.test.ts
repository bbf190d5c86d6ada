import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { findSealedKey, saveSealedKey } from "../../src/store/keys/sealed-keys.ts";
import { openServerStore } from "../../src/store/store.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { openTestStore } from "../support/store/open-test-store.ts";

// What the manual says about a damaged log: a property of SQLite, not a choice of ours.

test("after a crash, a damaged page of the log loses what was written after it, and nothing before it", async () => {
  await using world = await openTestStore();
  const names = Array.from({ length: 20 }, (_, index) => `key ${index}`);
  let middle = 0;
  for (const [index, name] of names.entries()) {
    await world.store.write(saveSealedKey, SYSTEM, { name, sealed: "x" });
    if (index === 9) middle = readFileSync(world.file("twinpost.db-wal")).length;
  }
  // As a crash leaves it, with one bit flipped after the tenth write.
  using crashed = memoryFolder();
  for (const name of ["twinpost.db", "master.key"]) copyFileSync(world.file(name), join(crashed.path, name));
  const log = readFileSync(world.file("twinpost.db-wal"));
  const at = middle + 24 + 100;
  log[at] = (log[at] as number) ^ 1;
  writeFileSync(join(crashed.path, "twinpost.db-wal"), log);
  const store = await openServerStore({ ...world.options, dataDir: crashed.path });
  try {
    const there = names.filter((name) => store.read((reader) => findSealedKey(reader, name)) !== undefined);
    expect(there).toEqual(names.slice(0, 10));
  } finally {
    await store.close();
  }
});
