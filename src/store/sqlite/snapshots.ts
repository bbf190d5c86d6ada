import type { Clock } from "../../kernel/clock.ts";
import type { Connection } from "./connection.ts";
import type { Reader } from "./sql.ts";

/**
 * Maximum age of a snapshot: the delay with which another process's changes are seen. Commits of this process end it at
 * once.
 */
const LIFETIME_MS = 1;

/**
 * Snapshots to read from. All readers within a moment share one, because taking a snapshot (8 µs) costs more than most
 * queries (1 to 4 µs). Each commit of this process ends it, so that a caller whose write was acknowledged reads that
 * write, and no checkpoint is blocked by a reader.
 */
export class Snapshots {
  readonly #connection: Connection;
  readonly #results = new Map<(reader: Reader) => unknown, unknown>();
  readonly #queries: Omit<Reader, "now">;
  readonly #clock: Clock;
  #open = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#queries = {
      get: (sql, ...binds) => connection.get(sql, ...binds),
      all: (sql, ...binds) => connection.all(sql, ...binds),
      once: (ask) => this.#once(ask),
    };
  }

  read<Answer>(ask: (reader: Reader) => Answer): Answer {
    if (!this.#open) {
      this.#connection.run("BEGIN");
      this.#open = true;
      this.#timer = setTimeout(() => this.end(), LIFETIME_MS);
    }
    return ask(this.#reader());
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#results.clear();
    // A query that failed on a bad device has already ended the transaction; its caller received the error.
    if (this.#connection.inTransaction) this.#connection.run("COMMIT");
  }

  close(): void {
    this.end();
    this.#connection.close();
  }

  /** Returns a new object for each caller, because rules count their budgets per `Reader`. */
  #reader(): Reader {
    return { ...this.#queries, now: this.#clock.now() };
  }

  #once<Answer>(ask: (reader: Reader) => Answer): Answer {
    if (!this.#results.has(ask)) this.#results.set(ask, ask(this.#reader()));
    return this.#results.get(ask) as Answer;
  }
}
