import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scheduledBackups } from "../../src/jobs/scheduled-backups.ts";
import { Scheduler } from "../../src/jobs/scheduler.ts";
import { backUp } from "../../src/store/backup/back-up.ts";
import { inspectBackup } from "../../src/store/restore.ts";
import { temporaryFolder } from "../support/process/server-process.ts";
import { openWorld } from "../support/world/world.ts";

const DAY = 86_400_000;

/** A world whose backups go to a folder; `fail` makes the next ones fail. */
async function openWithBackups(keep: number) {
  const folder = temporaryFolder();
  const dir = join(folder.path, "backups");
  const settings = { "backup-cron": "30 3 * * *", "backup-dir": dir, "backup-keep": String(keep) };
  const world = await openWorld(settings);
  const state = { fail: false };
  const { clock, random, config } = world.deps;
  const jobs = scheduledBackups(config, async (file) => {
    if (state.fail) throw new Error("the disk is full");
    await backUp({ dataDir: world.dataDir, file, withKey: true, clock, random });
  });
  const scheduler = new Scheduler(world.deps, jobs);
  scheduler.start();
  return {
    world,
    dir,
    state,
    names: () => readdirSync(dir).sort(),
    async day() {
      world.clock.advance(DAY);
      await scheduler.settled();
    },
    async [Symbol.asyncDispose]() {
      await scheduler.stop();
      await world[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

test("backups are made on time, the oldest beyond the limit are removed, and other files stay", async () => {
  await using it = await openWithBackups(2);
  await it.day();
  writeFileSync(join(it.dir, "notes.txt"), "mine");
  writeFileSync(join(it.dir, "twinpost-by-hand.backup"), "mine too");
  const [first] = it.names().filter((name) => /^twinpost-\d/.test(name));
  await it.world.createAccount();
  await it.day();
  await it.day();
  const made = it.names().filter((name) => /^twinpost-\d/.test(name));
  expect(made.length).toBe(2);
  expect(made).not.toContain(first);
  expect(it.names()).toEqual(expect.arrayContaining(["notes.txt", "twinpost-by-hand.backup"]));
  const accounts = await inspectBackup(join(it.dir, made[0] as string), (connection) =>
    connection.get("SELECT count(*) AS count FROM accounts"),
  );
  expect(accounts).toMatchObject({ count: 1 });
});

test("while new backups fail, no old one is removed", async () => {
  await using it = await openWithBackups(1);
  await it.day();
  const made = it.names();
  it.state.fail = true;
  for (let i = 0; i < 3; i++) await it.day();
  expect(it.names()).toEqual(made);
  expect(it.world.logged.filter(({ event }) => event === "job.failed").length).toBe(3);
  it.state.fail = false;
  await it.day();
  expect([it.names().length, it.names()[0] === made[0]]).toEqual([1, false]);
});

test("a killed server's incomplete backup is removed", async () => {
  await using it = await openWithBackups(3);
  const left = join(it.dir, "twinpost-20251231T033000Z.backup.0b7c.partial");
  const others = join(it.dir, "something.partial");
  for (const path of [left, others]) mkdirSync(path, { recursive: true });
  writeFileSync(join(left, "database"), "half");
  await it.day();
  expect(it.names()).toEqual(["something.partial", expect.stringMatching(/^twinpost-.*\.backup$/)]);
});

test("without configuration there is no backup job", async () => {
  await using world = await openWorld();
  expect(scheduledBackups(world.deps.config, async () => {})).toEqual([]);
});
