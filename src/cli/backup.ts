import { setPriority } from "node:os";
import { loadConfig } from "../config.ts";
import { systemClock } from "../kernel/clock.ts";
import { systemRandom } from "../kernel/random.ts";
import { backUp } from "../store/backup/back-up.ts";
import { type Arguments, operandsOf } from "./usage.ts";

const NICE = 10;

/** `twinpost backup FILE [--without-key]` */
export async function backup(call: Arguments): Promise<void> {
  const [file = ""] = operandsOf(call, "backup", ["FILE, the file to write"]);
  const { dataDir } = loadConfig(call.flags);
  // Requests to the server take precedence over the backup.
  setPriority(NICE);
  const withKey = !call.options["without-key"];
  const { byteCount } = await backUp({
    dataDir,
    file,
    withKey,
    clock: systemClock,
    random: systemRandom,
    signal: endSignal(),
  });
  const size = `${(byteCount / 1e6).toFixed(1)} MB`;
  process.stdout.write(
    withKey
      ? `${file}: ${size}, with the master key, which gives access to everything. Keep it safe.\n`
      : `${file}: ${size}, WITHOUT the master key: it can only be restored with a copy of ${dataDir}/master.key. Keep one elsewhere.\n`,
  );
}

/** A signal that ends the backup also removes its incomplete file. */
function endSignal(): AbortSignal {
  const end = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end.abort());
  return end.signal;
}
