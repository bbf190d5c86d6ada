import { cpSync } from "node:fs";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { openServerStore } from "../../src/store/store.ts";
import { temporaryFolder } from "./server-process.ts";

let template: Promise<string> | undefined;

/** A new folder with an empty database, as a first start makes it: migrated once and copied from then on, which takes a tenth of the time. */
export async function migratedFolder() {
  template ??= makeTemplate();
  return copyOf(await template);
}

/** A new folder with what is in another, whose store is closed. */
export function copyOf(path: string) {
  const folder = temporaryFolder();
  cpSync(path, folder.path, { recursive: true });
  return folder;
}

async function makeTemplate(): Promise<string> {
  const folder = temporaryFolder();
  process.on("exit", () => folder[Symbol.dispose]());
  const log = createLog("silent", systemClock.now, () => {});
  const store = await openServerStore({ dataDir: folder.path, clock: systemClock, random: systemRandom, log });
  await store.close();
  return folder.path;
}
