/** A group is closed here, so that answers are not held back by an endless stream of newcomers. */
export const GROUP_MAX = 256;

/** What is believed before the first commit. */
const [COMMIT_MS, COMMAND_MS] = [1, 0.05];
/** How much of what was believed a group corrects. */
const WEIGHT = 1 / 8;

/**
 * How many of the commands that wait a group takes, where those who are answered have a thread of their own. If it took all, the writer would
 * have nothing to do while these are answered and ask again, and they nothing while it works: so half of them are left, and both are busy.
 * But at least so many go together as take as long as the disk does. Measured in turns with groups that take all, 64 connections: put_document
 * and update_twin 18 and 24 % more, mqtt_put 27, update_twin_ledger_entry_value 10; with 2, 8, 256 and 1000 connections 0 to 3.
 */
export class GroupSize {
  #commitMs = COMMIT_MS;
  #commandMs = COMMAND_MS;

  next(waiting: number): number {
    const worthACommit = this.#commitMs / this.#commandMs;
    return Math.min(GROUP_MAX, Math.ceil(Math.max(waiting / 2, worthACommit)));
  }

  /** Of a group: how many commands ran in so many milliseconds, and how long the disk took. */
  learn(commands: number, ranMs: number, commitMs: number): void {
    this.#commandMs += WEIGHT * (ranMs / commands - this.#commandMs);
    this.#commitMs += WEIGHT * (commitMs - this.#commitMs);
  }
}
