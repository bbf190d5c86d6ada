import { stopwatchMs } from "../../kernel/clock.ts";
import type { Connection } from "../sqlite/connection.ts";
import { integer, type SqlValue } from "../sqlite/sql.ts";

/**
 * So many pages of the log, 8 MB, are moved into the database file together. The seldomer the better: a page that was written ten times is
 * moved once, and each move waits twice for the disk.
 */
const LOG_PAGES = 2000;
/** So many are left for the moment in which no group may run. */
const LAST_PAGES = 300;
/** Where more are written than are moved meanwhile, groups wait when the log has come to this, 16 MB. */
const LOG_PAGES_MAX = 4000;
const PAGE_BYTES = 4096;
/** Where transactions are lost, so often it is tried to make room. */
const RELIEF_MS = 1000;
/** How many pages a statement comes to, until the first checkpoint tells, and what is believed of it. */
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
   * Has the system write to the disk what it has of the database file. SQLite itself waits for that only when all is moved, which is when
   * groups wait too.
   */
  flush: () => Promise<void>;
  /** Hears why something could not be moved beside the groups. It is tried again between two of them. */
  failed: (error: unknown) => void;
};

/**
 * Moves the log into the database file: nearly all of it beside the groups, on a connection of its own in a thread of the driver's, in
 * rounds; and what these have written meanwhile between two of them, for only a log that is moved whole is begun anew. SQLite's own
 * checkpoints come in the midst of a commit, where whoever reads looks at an older state and keeps the log from ever being emptied. The
 * driver does not tell how long the log is, so it is guessed from what was written, and each checkpoint corrects the guess.
 */
export class Checkpoints {
  readonly #connection: Connection;
  readonly #beside: Connection;
  readonly #flush: Surroundings["flush"];
  readonly #failed: Surroundings["failed"];
  /** Of the open transaction. */
  #open = { ...NOTHING };
  /** Committed since the last checkpoint, and since the last round of this one began. */
  #written = NOTHING;
  #unmoved = NOTHING;
  #pagesOfStatement = PAGES_OF_STATEMENT;
  /** Pages that the last checkpoint had to leave in the log. */
  #left = 0;
  #moving: Promise<void> | undefined;
  #nearlyMoved = false;
  #relievedMs = Number.NEGATIVE_INFINITY;

  /** `beside` is a connection to the same database that nobody else uses. */
  constructor(connection: Connection, beside: Connection, { flush, failed }: Surroundings) {
    this.#connection = connection;
    this.#beside = beside;
    this.#flush = flush;
    this.#failed = failed;
    for (const one of [connection, beside]) one.pragma("wal_autocheckpoint = 0");
  }

  /** Takes note of a statement that writes. */
  count(binds: readonly SqlValue[]): void {
    this.#open.statements++;
    for (const value of binds) {
      if (typeof value === "string" || value instanceof Uint8Array) this.#open.bytes += value.length;
    }
  }

  /** The transaction has ended. What was rolled back is not in the log, and must not spoil the guess. */
  ended(committed: boolean): void {
    if (committed) {
      this.#written = sum(this.#written, this.#open);
      this.#unmoved = sum(this.#unmoved, this.#open);
      if (this.#pagesOf(this.#written) >= LOG_PAGES) this.#moving ??= this.#moveBeside();
    }
    this.#open = { ...NOTHING };
  }

  /**
   * The transaction is gone, maybe because the disk is full. Then moving what is in the log is what makes room in it, and no commit that
   * succeeds would come to begin that.
   */
  lost(): void {
    this.#open = { ...NOTHING };
    const holdsSomething = this.#left > 0 || this.#written.statements > 0;
    if (!holdsSomething || stopwatchMs() - this.#relievedMs < RELIEF_MS) return;
    this.#relievedMs = stopwatchMs();
    this.#nearlyMoved = true;
  }

  /** Whether what is left of a checkpoint is to be done now. */
  get due(): boolean {
    return this.#nearlyMoved || this.#isTooLong;
  }

  get #isTooLong(): boolean {
    return this.#pagesOf(this.#written) >= LOG_PAGES_MAX;
  }

  /** Moves what is left, in so many milliseconds. Only between transactions. Whoever reads an older state than the newest keeps what is newer in the log. */
  async finish(aside: boolean): Promise<number> {
    const began = stopwatchMs();
    await this.#moving;
    this.#moving = undefined;
    this.#nearlyMoved = false;
    if (aside) await this.#connection.runAside(`PRAGMA ${PASSIVE}`);
    // If it is done, asking again costs nothing but tells.
    const row = this.#connection.pragma(PASSIVE) ?? {};
    const tookMs = stopwatchMs() - began;
    this.#learn(integer(row, "log"), integer(row, "checkpointed"));
    return tookMs;
  }

  /** Resolves when nothing is under way, and lets go of the connection beside. */
  async close(): Promise<void> {
    await this.#moving;
    this.#beside.close();
  }

  async #moveBeside(): Promise<void> {
    try {
      while (this.#pagesOf(this.#unmoved) > LAST_PAGES && !this.#isTooLong) {
        this.#unmoved = NOTHING;
        await this.#beside.runAside(`PRAGMA ${PASSIVE}`);
        await this.#flush();
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#nearlyMoved = true;
  }

  #learn(pages: number, moved: number): void {
    const { statements, bytes } = this.#written;
    if (statements > 0) {
      const measured = (pages - this.#left - bytes / PAGE_BYTES) / statements;
      const believed = Math.min(Math.max(PAGES_OF_STATEMENT_MIN, measured), PAGES_OF_STATEMENT_MAX);
      this.#pagesOfStatement = (this.#pagesOfStatement + believed) / 2;
    }
    // A log that is moved whole is begun anew by the next group.
    this.#left = moved < pages ? pages : 0;
    this.#written = NOTHING;
    this.#unmoved = NOTHING;
  }

  #pagesOf({ statements, bytes }: Written): number {
    return statements * this.#pagesOfStatement + bytes / PAGE_BYTES;
  }
}
