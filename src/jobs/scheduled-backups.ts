import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Job } from "../deps.ts";
import { PARTIAL_SUFFIX } from "../store/backup/back-up.ts";

/** Names that sort by time. Files with other names are left alone. */
const NAME = /^twinpost-\d{8}T\d{6}Z\.backup$/;

const nameAt = (instant: number) =>
  `twinpost-${new Date(instant).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z.backup`;

/** The job of scheduled backups, if configured. Old ones are removed only once a new one is complete and on disk. */
export function scheduledBackups({ backups }: Config, backUpTo: (file: string) => Promise<unknown>): readonly Job[] {
  if (!backups) return [];
  const { schedule, dir, keep } = backups;
  return [
    {
      name: "back_up",
      schedule,
      run: async ({ clock, log }) => {
        mkdirSync(dir, { recursive: true, mode: 0o700 });
        removePartial(dir);
        const name = nameAt(clock.now());
        await backUpTo(join(dir, name));
        log.info("backup.made", { file: join(dir, name), removed: removeOld(dir, keep, name) });
        return { done: 1, more: false };
      },
    },
  ];
}

/** Removes what a killed server left incomplete. */
function removePartial(dir: string): void {
  for (const name of readdirSync(dir)) {
    const [whole = "", rest] = name.split(".backup.");
    if (rest?.endsWith(PARTIAL_SUFFIX) && NAME.test(`${whole}.backup`))
      rmSync(join(dir, name), { recursive: true, force: true });
  }
}

/** Removes all but the newest `keep`, and never the new one: if the clock was set back, its name may be old. */
function removeOld(dir: string, keep: number, made: string): number {
  const others = readdirSync(dir)
    .filter((name) => NAME.test(name) && name !== made)
    .sort();
  const old = others.slice(0, Math.max(0, others.length - keep + 1));
  for (const name of old) rmSync(join(dir, name), { force: true });
  return old.length;
}
