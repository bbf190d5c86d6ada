import type { Deps } from "../../deps.ts";
import { sleep } from "../../kernel/clock.ts";
import { DomainError, describeError } from "../../kernel/failure.ts";

/** While the store is too busy to take a write. */
const RETRY_MS = 500;

/**
 * Repeats a write that nobody waits for until it is stored, for as long as it is worth it. Undefined if it is not any more: the
 * server stops, or `isWanted` says no.
 */
export async function insist<Result>(
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
