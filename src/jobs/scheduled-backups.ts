import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Job } from "../deps.ts";
import { PARTIAL } from "../store/backup/back-up.ts";

/** Names that sort by their instant. Files of other names are nobody's business here. */
const NAME = /^twinpost-\d{8}T\d{6}Z\.backup$/;

const nameAt = (instant: number) =>
  `twinpost-${new Date(instant).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z.backup`;

/** Backups that are made by themselves, if that is configured. Old ones go only once a new one is whole and on disk. */
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

/** What a server that was killed in the midst of it has left behind. */
function removePartial(dir: string): void {
  for (const name of readdirSync(dir)) {
    const [whole = "", rest] = name.split(".backup.");
    if (rest?.endsWith(PARTIAL) && NAME.test(`${whole}.backup`))
      rmSync(join(dir, name), { recursive: true, force: true });
  }
}

/** All but the newest `keep` go; never the one just made, whose name may be old if the clock was set back. */
function removeOld(dir: string, keep: number, made: string): number {
  const others = readdirSync(dir)
    .filter((name) => NAME.test(name) && name !== made)
    .sort();
  const old = others.slice(0, Math.max(0, others.length - keep + 1));
  for (const name of old) rmSync(join(dir, name), { force: true });
  return old.length;
}
