import { stopwatchMs } from "../../kernel/clock.ts";
import type { Connection } from "../sqlite/connection.ts";
import { integer, type SqlValue } from "../sqlite/sql.ts";

/**
 * Pages of the log that are checkpointed together (8 MB). Fewer checkpoints are cheaper: a page written ten times is
 * moved once, and each checkpoint waits for the disk twice.
 */
const LOG_PAGES = 2000;
/**
 * A checkpoint moves pages in rounds, beside the groups, until at most this many are left; the last round moves those
 * while no group runs.
 */
const LAST_PAGES = 300;
/** If more is written than is moved meanwhile, groups wait once the log has grown to this (16 MB). */
const LOG_PAGES_MAX = 4000;
const PAGE_BYTES = 4096;
/** Minimum interval between checkpoints that make room after a lost transaction. */
const RELIEF_MS = 1000;
/** Assumed pages per statement until the first checkpoint, and the bounds within which a measured value is used. */
const PAGES_OF_STATEMENT = 2;
const [PAGES_OF_STATEMENT_MIN, PAGES_OF_STATEMENT_MAX] = [0.05, 20];

const PASSIVE = "wal_checkpoint(PASSIVE)";

/** What was written: statements, and bytes in their binds. */
type Written = { statements: number; bytes: number };
const NOTHING: Written = { statements: 0, bytes: 0 };
const sum = (a: Written, b: Written): Written => ({
  statements: a.statements + b.statements,
  bytes: a.bytes + b.bytes,
});

type Surroundings = {
  /**
   * Syncs the database file. SQLite does that itself only once the whole log is moved, in the last round, while groups
   * wait; syncing after each round leaves it little to do.
   */
  flush: () => Promise<void>;
  /** Reports why pages could not be moved in parallel with the groups. It is retried between two groups. */
  onFailure: (error: unknown) => void;
};

/**
 * Checkpoints the log. Nearly all of it is moved in parallel with the groups, in rounds, on a separate connection in a
 * thread of the driver. The rest is moved between two groups, because the log restarts only when it has been moved
 * completely. SQLite's automatic checkpoints are off: they run within a commit, where readers on an older snapshot keep the log from
 * ever being emptied. The driver does not report the log's length, so it is estimated from what was written, and each
 * checkpoint corrects the estimate.
 */
export class Checkpoints {
  readonly #connection: Connection;
  readonly #beside: Connection;
  readonly #flush: Surroundings["flush"];
  readonly #onFailure: Surroundings["onFailure"];
  /** Written by the open transaction. */
  #open = { ...NOTHING };
  /** Committed since the last checkpoint. */
  #written = NOTHING;
  /** Committed since the newest round began: not moved yet. */
  #unmoved = NOTHING;
  #pagesOfStatement = PAGES_OF_STATEMENT;
  /** Pages that the last checkpoint had to leave in the log. */
  #leftPages = 0;
  #moving: Promise<void> | undefined;
  #lastRoundDue = false;
  #relievedAtMs = Number.NEGATIVE_INFINITY;

  /** `beside` is a connection to the same database that no other code uses. */
  constructor(connection: Connection, beside: Connection, { flush, onFailure }: Surroundings) {
    this.#connection = connection;
    this.#beside = beside;
    this.#flush = flush;
    this.#onFailure = onFailure;
    for (const each of [connection, beside]) each.pragma("wal_autocheckpoint = 0");
  }

  /** Records a statement that writes. */
  count(binds: readonly SqlValue[]): void {
    this.#open.statements++;
    for (const value of binds) {
      if (typeof value === "string" || value instanceof Uint8Array) this.#open.bytes += value.length;
    }
  }

  /** Must be called when the transaction has ended. What was rolled back is not in the log and is not counted. */
  transactionEnded(committed: boolean): void {
    if (committed) {
      this.#written = sum(this.#written, this.#open);
      this.#unmoved = sum(this.#unmoved, this.#open);
      if (this.#pagesOf(this.#written) >= LOG_PAGES) this.#moving ??= this.#moveInParallel();
    }
    this.#open = { ...NOTHING };
  }

  /**
   * Must be called when the transaction was lost, maybe because the disk is full. Then a checkpoint makes room in the log, and no
   * successful commit would start one.
   */
  transactionLost(): void {
    this.#open = { ...NOTHING };
    const holdsSomething = this.#leftPages > 0 || this.#written.statements > 0;
    if (!holdsSomething || stopwatchMs() - this.#relievedAtMs < RELIEF_MS) return;
    this.#relievedAtMs = stopwatchMs();
    this.#lastRoundDue = true;
  }

  /** Whether the last round of a checkpoint is due. */
  get due(): boolean {
    return this.#lastRoundDue || this.#isTooLong;
  }

  get #isTooLong(): boolean {
    return this.#pagesOf(this.#written) >= LOG_PAGES_MAX;
  }

  /**
   * Moves the rest of the log and returns how many milliseconds that took. Only between transactions. A reader on an
   * older snapshot keeps newer frames in the log.
   */
  async finish(offLoop: boolean): Promise<number> {
    const began = stopwatchMs();
    await this.#moving;
    this.#moving = undefined;
    this.#lastRoundDue = false;
    if (offLoop) await this.#connection.runOffLoop(`PRAGMA ${PASSIVE}`);
    // `runOffLoop` returns no row, so the counts are from this call; nothing is left to move, and it is cheap.
    const row = this.#connection.pragma(PASSIVE) ?? {};
    const tookMs = stopwatchMs() - began;
    this.#learn(integer(row, "log"), integer(row, "checkpointed"));
    return tookMs;
  }

  /** Resolves when nothing is in progress, and closes the second connection. */
  async close(): Promise<void> {
    await this.#moving;
    this.#beside.close();
  }

  async #moveInParallel(): Promise<void> {
    try {
      while (this.#pagesOf(this.#unmoved) > LAST_PAGES && !this.#isTooLong) {
        this.#unmoved = NOTHING;
        await this.#beside.runOffLoop(`PRAGMA ${PASSIVE}`);
        await this.#flush();
      }
    } catch (error) {
      this.#onFailure(error);
    }
    this.#lastRoundDue = true;
  }

  #learn(pages: number, moved: number): void {
    const { statements, bytes } = this.#written;
    if (statements > 0) {
      const measured = (pages - this.#leftPages - bytes / PAGE_BYTES) / statements;
      const bounded = Math.min(Math.max(PAGES_OF_STATEMENT_MIN, measured), PAGES_OF_STATEMENT_MAX);
      this.#pagesOfStatement = (this.#pagesOfStatement + bounded) / 2;
    }
    // A log that was moved completely is restarted by the next group.
    this.#leftPages = moved < pages ? pages : 0;
    this.#written = NOTHING;
    this.#unmoved = NOTHING;
  }

  #pagesOf({ statements, bytes }: Written): number {
    return statements * this.#pagesOfStatement + bytes / PAGE_BYTES;
  }
}
