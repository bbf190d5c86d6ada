import { stopwatchMs } from "../kernel/clock.ts";
import type { Connection } from "./connection.ts";
import { integer, type SqlValue } from "./sql.ts";

/**
 * The log is moved into the database file when it has so many pages that this takes about so long. Writes wait meanwhile; but the
 * seldomer the better: a page that was written ten times is moved once, and each checkpoint waits twice for the disk. With
 * 10 000 twins checkpoints of 1 000 pages take 9 to 12 % of the writer's time, of 4 000 they take 3 to 5; with 1 000 000 twins
 * 1 000 pages take 18 ms, and 20 000 take 160.
 */
const CHECKPOINT_MS = 12;
/** 4 and 32 MB, whatever the disk does. */
const [LOG_PAGES_MIN, LOG_PAGES_MAX] = [1000, 8000];
/** How far one checkpoint changes the length at most, which may have met a hiccup of the disk. */
const [SHRINK_MAX, GROW_MAX] = [0.5, 1.5];
const PAGE_BYTES = 4096;
/** How many pages a statement comes to, until the first checkpoint tells, and what is believed of it. */
const PAGES_OF_STATEMENT = 2;
const [PAGES_OF_STATEMENT_MIN, PAGES_OF_STATEMENT_MAX] = [0.05, 20];

/**
 * Checkpoints between groups, in a thread of the driver's. SQLite's own come in the midst of a commit, where whoever reads
 * meanwhile looks at an older state and keeps the log from ever being emptied. The driver does not tell how long
 * the log is, so it is guessed from what was written, and each checkpoint corrects the guess.
 */
export class Checkpoints {
  readonly #connection: Connection;
  /** Of the open transaction. */
  #open = { statements: 0, bytes: 0 };
  /** Committed since the last checkpoint. */
  #statements = 0;
  #bytes = 0;
  #pagesOfStatement = PAGES_OF_STATEMENT;
  /** With so many pages a checkpoint is due. */
  #logPages = LOG_PAGES_MIN;
  /** Pages that the last checkpoint had to leave in the log. */
  #left = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.pragma("wal_autocheckpoint = 0");
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
      this.#statements += this.#open.statements;
      this.#bytes += this.#open.bytes;
    }
    this.#open = { statements: 0, bytes: 0 };
  }

  get due(): boolean {
    return this.#left + this.#statements * this.#pagesOfStatement + this.#bytes / PAGE_BYTES >= this.#logPages;
  }

  /** Only between transactions. Whoever reads an older state than the newest keeps what is newer in the log. */
  async run(): Promise<void> {
    const began = stopwatchMs();
    await this.#connection.runAside("PRAGMA wal_checkpoint(PASSIVE)");
    const change = within(SHRINK_MAX, CHECKPOINT_MS / (stopwatchMs() - began), GROW_MAX);
    this.#logPages = within(LOG_PAGES_MIN, this.#logPages * change, LOG_PAGES_MAX);
    // Now that it is done, asking again costs nothing but tells.
    const row = this.#connection.pragma("wal_checkpoint(PASSIVE)") ?? {};
    const [pages, moved] = [integer(row, "log"), integer(row, "checkpointed")];
    if (this.#statements > 0) {
      const measured = (pages - this.#left - this.#bytes / PAGE_BYTES) / this.#statements;
      const believed = within(PAGES_OF_STATEMENT_MIN, measured, PAGES_OF_STATEMENT_MAX);
      this.#pagesOfStatement = (this.#pagesOfStatement + believed) / 2;
    }
    // A log that is moved whole is begun anew by the next group.
    this.#left = moved < pages ? pages : 0;
    this.#statements = 0;
    this.#bytes = 0;
  }
}

const within = (least: number, value: number, most: number) => Math.min(Math.max(value, least), most);
