import type { Clock } from "../../kernel/clock.ts";
import type { Connection } from "./connection.ts";
import type { Reader } from "./sql.ts";

/** How old a snapshot may grow: so late is a change seen that another process made. Ours end it at once. */
const LIFETIME_MS = 1;

/**
 * Snapshots to read from. All who ask within a moment share one, because taking a snapshot (8 µs) costs more than most
 * questions (1 to 4 µs). It ends with each commit of our own, so that nobody who was told of a write misses it, and no
 * checkpoint finds a reader in its way.
 */
export class Snapshots {
  readonly #connection: Connection;
  readonly #answers = new Map<(reader: Reader) => unknown, unknown>();
  readonly #questions: Omit<Reader, "now">;
  readonly #clock: Clock;
  #open = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#questions = {
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
    this.#answers.clear();
    // A question that failed on a bad device has ended the transaction already; its asker has been told.
    if (this.#connection.inTransaction) this.#connection.run("COMMIT");
  }

  close(): void {
    this.end();
    this.#connection.close();
  }

  /** One for each who asks: what they may spend is counted by it. */
  #reader(): Reader {
    return { ...this.#questions, now: this.#clock.now() };
  }

  #once<Answer>(ask: (reader: Reader) => Answer): Answer {
    if (!this.#answers.has(ask)) this.#answers.set(ask, ask(this.#reader()));
    return this.#answers.get(ask) as Answer;
  }
}
