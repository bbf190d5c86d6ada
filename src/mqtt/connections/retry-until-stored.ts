import type { Deps } from "../../deps.ts";
import { sleep } from "../../kernel/clock.ts";
import { DomainError, describeError } from "../../kernel/failure.ts";

/** Interval of retries while the store is too busy for a write. */
const RETRY_MS = 500;

/**
 * Retries a write that no client waits for until it is stored. Returns undefined if it is given up: the server stops,
 * or `isWanted` returns false.
 */
export async function retryUntilStored<Result>(
  { clock, log }: Pick<Deps, "clock" | "log">,
  event: string,
  write: () => Promise<Result>,
  isWanted: () => boolean = () => true,
): Promise<Result | undefined> {
  while (isWanted()) {
    try {
      return await write();
    } catch (error) {
      log.warn(event, { error: describeError(error) });
      if (!(error instanceof DomainError) || error.failure.code !== "limited") return undefined;
    }
    await sleep(clock, RETRY_MS);
  }
  return undefined;
}
