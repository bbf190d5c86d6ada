import { type Clock, sleep } from "../../kernel/clock.ts";
import { Connection, isBusy } from "./connection.ts";

const RETRY_MS = 50;
/** The last connection to close, such as a tool's or a backup's, locks the database for a moment. */
const OPEN_WAIT_MAX_MS = 5_000;
const OPEN_RETRY_MS = 5;

/** Retries until there is a result. Returns undefined when the time is over. */
export async function retry<Result>(clock: Clock, waitMaxMs: number, attempt: () => Promise<Result> | Result) {
  const deadline = clock.now() + waitMaxMs;
  for (;;) {
    const result = await attempt();
    if (result !== undefined || clock.now() >= deadline) return result;
    await sleep(clock, RETRY_MS);
  }
}

/**
 * Retries while another process holds an exclusive lock, as the last connection does when it closes. While a connection
 * of this process is open, no other is the last, and the lock cannot be taken.
 */
export async function retryWhileBusy<Result>(clock: Clock, attempt: () => Promise<Result> | Result): Promise<Result> {
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

/** Two connections to a database: one to write, one to checkpoint in parallel. */
export const openWriterConnections = async (
  clock: Clock,
  database: string,
): Promise<readonly [Connection, Connection]> => [
  await retryWhileBusy(clock, () => new Connection(database)),
  await retryWhileBusy(clock, () => new Connection(database)),
];
