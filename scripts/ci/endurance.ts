import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../..");
const FILES = new Glob("test/endurance/**/*.endurance.ts");

/**
 * Settings under which endurance tests take no longer than continuous integration has time for, by the file's path below test/endurance/. A file
 * without settings runs at its full size.
 */
export const SIZES: Record<string, Record<string, string>> = {
  "crashes/drain": { TWINPOST_DRAINS: "10" },
  "deliveries/deliveries": { TWINPOST_CRASHES: "10" },
  "disks/backup": { TWINPOST_BACKUP_MB: "50", TWINPOST_BACKUP_ROUNDS: "1", TWINPOST_BACKUP_KILLS: "3" },
  "mqtt/fuzz": { TWINPOST_FUZZ_PACKETS: "20000" },
  "mqtt/hostile": { TWINPOST_HOSTILE_SECONDS: "3" },
  "mqtt/leak": { TWINPOST_LEAK_RUNS: "3" },
  "mqtt/restart": { TWINPOST_CRASHES: "12" },
};

/** The endurance tests whose path contains one of the names, all of them without names: paths below the repository. */
export function enduranceFiles(names: readonly string[] = []): string[] {
  const files = [...FILES.scanSync(root)].sort();
  return names.length === 0 ? files : files.filter((file) => names.some((name) => file.includes(name)));
}

/** Such as `mqtt/fuzz`. */
export const nameOf = (file: string): string => file.slice("test/endurance/".length, -".endurance.ts".length);

/** The command that runs these files. The time limit is that of tests that set none. */
export const enduranceCommand = (files: readonly string[]): string[] => [
  process.execPath,
  "test",
  "--timeout",
  "30000",
  ...files.map((file) => `./${file}`),
];

/** One step of continuous integration for each file. */
export const enduranceSteps = () =>
  enduranceFiles().map((file) => ({
    name: `endurance, ${nameOf(file)}`,
    command: enduranceCommand([file]),
    env: SIZES[nameOf(file)] ?? {},
  }));
