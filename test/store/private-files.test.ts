import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { openTestStore } from "../support/store/open-test-store.ts";

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
const FILES = ["twinpost.db", "twinpost.db-wal", "twinpost.db-shm", "master.key", "server.lock"];

test("a data directory that others can read becomes private when it is next opened", async () => {
  await using world = await openTestStore();
  await world.store.close();
  const { dataDir } = world.options;
  writeFileSync(world.file("not-ours.txt"), "");
  mkdirSync(world.file("replaced-2026"));
  const loosen = () => {
    for (const file of FILES) if (existsSync(world.file(file))) chmodSync(world.file(file), 0o644);
    chmodSync(world.file("not-ours.txt"), 0o644);
    chmodSync(world.file("replaced-2026"), 0o755);
    chmodSync(dataDir, 0o755);
  };
  const modes = () =>
    [dataDir, ...[...FILES, "replaced-2026"].map(world.file)].filter(existsSync).map((path) => modeOf(path));

  loosen();
  await world.reopen();
  expect(modes()).toEqual(["700", ...FILES.map(() => "600"), "700"]);
  expect(modeOf(world.file("not-ours.txt"))).toBe("644");

  loosen();
  const tool = await world.openTool();
  expect(modes()).toEqual(["700", ...FILES.map(() => "600"), "700"]);
  await tool.close();
});

test("a folder shared by all users of the machine keeps its mode, and the log says so", async () => {
  await using world = await openTestStore();
  await world.store.close();
  chmodSync(world.options.dataDir, 0o1777);
  await world.reopen();
  expect(statSync(world.options.dataDir).mode & 0o7777).toBe(0o1777);
  expect(world.logged.filter(({ event }) => event === "store.not_private")).toMatchObject([
    { level: "warn", path: world.options.dataDir },
  ]);
  chmodSync(world.options.dataDir, 0o700);
});
