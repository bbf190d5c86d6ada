import type { Connection } from "./connection.ts";
import { integer, type SqlValue } from "./sql.ts";

/**
 * The log is moved into the database file when it has about so many pages. Each 1 000 costs a tenth to a fifth of the throughput
 * of each 20 000, but takes 18 instead of 160 ms with 1 000 000 twins, and keeps the log near 4 MB.
 */
const LOG_PAGES_MAX = 1000;
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
    return this.#left + this.#statements * this.#pagesOfStatement + this.#bytes / PAGE_BYTES >= LOG_PAGES_MAX;
  }

  /** Only between transactions. Whoever reads an older state than the newest keeps what is newer in the log. */
  async run(): Promise<void> {
    await this.#connection.runAside("PRAGMA wal_checkpoint(PASSIVE)");
    // Now that it is done, asking again costs nothing but tells.
    const row = this.#connection.pragma("wal_checkpoint(PASSIVE)") ?? {};
    const [pages, moved] = [integer(row, "log"), integer(row, "checkpointed")];
    if (this.#statements > 0) {
      const measured = (pages - this.#left - this.#bytes / PAGE_BYTES) / this.#statements;
      const believed = Math.min(Math.max(measured, PAGES_OF_STATEMENT_MIN), PAGES_OF_STATEMENT_MAX);
      this.#pagesOfStatement = (this.#pagesOfStatement + believed) / 2;
    }
    // A log that is moved whole is begun anew by the next group.
    this.#left = moved < pages ? pages : 0;
    this.#statements = 0;
    this.#bytes = 0;
  }
}
