import { type Clock, sleep } from "../../kernel/clock.ts";
import { Connection, isBusy } from "./connection.ts";

const RETRY_MS = 50;
/** Whoever leaves the database as the last one, a tool that ends or a backup, locks it for a moment. */
const OPEN_WAIT_MAX_MS = 5_000;
const OPEN_RETRY_MS = 5;

/** Tries until there is a result or the time is over; then undefined. */
export async function retry<Result>(clock: Clock, waitMaxMs: number, attempt: () => Promise<Result> | Result) {
  const deadline = clock.now() + waitMaxMs;
  for (;;) {
    const result = await attempt();
    if (result !== undefined || clock.now() >= deadline) return result;
    await sleep(clock, RETRY_MS);
  }
}

/** Tries again while another process locks the database for itself; once we are in, nobody can. */
export async function whenFree<Result>(clock: Clock, attempt: () => Promise<Result> | Result): Promise<Result> {
  const deadline = clock.now() + OPEN_WAIT_MAX_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error) || clock.now() >= deadline) throw error;
    }
    await sleep(clock, OPEN_RETRY_MS);
  }
}

/** Two connections to a database: for whoever writes, and for what goes on beside. */
export const openPair = async (clock: Clock, database: string): Promise<readonly [Connection, Connection]> => [
  await whenFree(clock, () => new Connection(database)),
  await whenFree(clock, () => new Connection(database)),
];
