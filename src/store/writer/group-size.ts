/** A group is closed at this size, so that an endless stream of new commands does not delay its responses. */
export const GROUP_MAX = 256;

/** Assumed until the first commit. */
const [COMMIT_MS, COMMAND_MS] = [1, 0.05];
/** How far one group moves the estimate. */
const WEIGHT = 1 / 8;

/**
 * How many of the waiting commands a group takes when the writer has a separate thread. If it took all, the writer
 * would be idle while callers get their responses and send new requests, and the callers idle while it works. So half
 * are left, and both stay busy. But a group takes at least as many as run in the time that the disk takes. Measured
 * alternately with groups that take all, in commands a second, 64 connections: put_document and update_twin 18 and 24 % more, mqtt_put 27,
 * update_twin_ledger_entry_value 10; with 2, 8, 256 and 1000 connections 0 to 3.
 */
export class GroupSize {
  #commitMs = COMMIT_MS;
  #commandMs = COMMAND_MS;

  next(waiting: number): number {
    const worthACommit = this.#commitMs / this.#commandMs;
    return Math.min(GROUP_MAX, Math.ceil(Math.max(waiting / 2, worthACommit)));
  }

  /** Learns from a group: the number of its commands, how long they ran, and how long the disk took. */
  learn(commands: number, ranMs: number, commitMs: number): void {
    this.#commandMs += WEIGHT * (ranMs / commands - this.#commandMs);
    this.#commitMs += WEIGHT * (commitMs - this.#commitMs);
  }
}
