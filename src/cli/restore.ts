import { loadConfig } from "../config.ts";
import { systemClock } from "../kernel/clock.ts";
import { systemRandom } from "../kernel/random.ts";
import { restore } from "../store/restore.ts";
import { type Arguments, operandsOf } from "./usage.ts";

/** `twinpost restore FILE [--key FILE] [--force]` */
export async function restoreBackup(call: Arguments): Promise<void> {
  const [file = ""] = operandsOf(call, "restore", ["FILE, a backup"]);
  const { dataDir } = loadConfig(call.flags);
  const { key: keyFile, force = false } = call.options;
  const { label, replaced } = await restore({
    dataDir,
    file,
    keyFile,
    force,
    clock: systemClock,
    random: systemRandom,
  });
  process.stdout.write(`${dataDir} is restored to its state of ${new Date(label.createdAt).toISOString()}.\n`);
  if (replaced)
    process.stdout.write(`What was there before is in ${replaced}; delete it when you do not need it any more.\n`);
}
