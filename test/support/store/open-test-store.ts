import { join } from "node:path";
import { createLog } from "../../../src/kernel/log.ts";
import { systemRandom } from "../../../src/kernel/random.ts";
import { Connection } from "../../../src/store/sqlite/connection.ts";
import { openServerStore, openToolStore, type StoreOptions } from "../../../src/store/store.ts";
import { TestClock } from "../test-clock.ts";
import { memoryFolder } from "./memory-folder.ts";

/** A real store in a folder of its own, which can be closed and opened again. */
export async function openTestStore() {
  const folder = memoryFolder();
  const clock = new TestClock();
  const logged: { event: string }[] = [];
  const log = createLog(
    "debug",
    () => clock.now(),
    (line) => logged.push(JSON.parse(line)),
  );
  const options: StoreOptions = { dataDir: folder.path, clock, random: systemRandom, log };
  let store = await openServerStore(options);
  return {
    clock,
    logged,
    options,
    get store() {
      return store;
    },
    file: (name: string) => join(folder.path, name),
    openTool: () => openToolStore(options),
    /** A connection of its own, as another process would have one. */
    connect: () => new Connection(join(folder.path, "twinpost.db")),
    async reopen() {
      await store.close();
      store = await openServerStore(options);
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      folder[Symbol.dispose]();
    },
  };
}
