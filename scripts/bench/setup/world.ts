import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import {
  type Account,
  createAccount,
  startServer,
  temporaryFolder,
} from "../../../test/support/process/server-process.ts";
import { idsFileIn, seedTwins } from "./seed.ts";

/** A data directory with an account and its twins. */
export type World = { dataDir: string; twins: number; account: Account; idsFile: string };

/** A server that serves a world. */
export type Served = World & { url: string; pid: number };

/** Seeds one world per size, in temporary folders that end with `stack`. */
export async function seedWorlds(
  stack: AsyncDisposableStack,
  sizes: readonly number[],
  program: readonly string[],
  signal: AbortSignal,
): Promise<World[]> {
  const worlds: World[] = [];
  for (const twins of sizes) {
    const dataDir = stack.use(temporaryFolder()).path;
    const account = await createAccount({ dataDir, program });
    const began = performance.now();
    await seedTwins(dataDir, account.account, twins, signal);
    process.stderr.write(`${twins} twins seeded in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    worlds.push({ dataDir, twins, account, idsFile: idsFileIn(dataDir) });
  }
  return worlds;
}

/** Starts the product, with its normal durability, on each world; the servers end with `stack`. */
export async function serveWorlds(
  stack: AsyncDisposableStack,
  worlds: readonly World[],
  program: readonly string[],
): Promise<Served[]> {
  const served: Served[] = [];
  for (const world of worlds) {
    const { url, pid } = stack.use(await startServer({ dataDir: world.dataDir, program }));
    served.push({ ...world, url, pid });
  }
  return served;
}

/**
 * Reads the database file once, so that the system caches it. Some systems drop pages that are not read for seconds,
 * even with free memory, and then a round would measure the disk.
 */
export function warmFile({ dataDir }: World): void {
  const file = openSync(join(dataDir, "twinpost.db"), "r");
  const buffer = Buffer.alloc(1 << 20);
  while (readSync(file, buffer) > 0);
  closeSync(file);
}
