import { systemClock } from "../../../src/kernel/clock.ts";
import { createLog } from "../../../src/kernel/log.ts";
import { systemRandom } from "../../../src/kernel/random.ts";
import { loadOrCreateKey } from "../../../src/store/keys/sealed-keys.ts";
import { openServerStore } from "../../../src/store/store.ts";
import { type Files, filesOf, folderWith, memoryFolder } from "./memory-folder.ts";

let template: Promise<Files> | undefined;

/**
 * A new folder with an empty database, as a first start leaves it: created once and then copied, which takes a tenth of
 * the time.
 */
export async function migratedFolder() {
  template ??= makeTemplate();
  return folderWith(await template);
}

async function makeTemplate(): Promise<Files> {
  using folder = memoryFolder();
  const log = createLog("silent", systemClock.now, () => {});
  const store = await openServerStore({ dataDir: folder.path, clock: systemClock, random: systemRandom, log });
  await loadOrCreateKey(store, "user-token-key", () => systemRandom.bytes(32));
  await store.close();
  return filesOf(folder.path);
}
