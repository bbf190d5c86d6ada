import type { Connection } from "./connection.ts";
import type { Reader } from "./sql.ts";

/**
 * Snapshots to read from. All that is asked in one turn of the event loop shares one: taking a snapshot costs as much as the
 * question itself. It ends with the turn, or before a commit of our own, so that nobody who was told of a write misses it and
 * no checkpoint finds a reader in its way.
 */
export class Snapshots {
  readonly #connection: Connection;
  readonly #answers = new Map<(reader: Reader) => unknown, unknown>();
  readonly #reader: Reader;
  #open = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#reader = {
      get: (sql, ...binds) => connection.get(sql, ...binds),
      all: (sql, ...binds) => connection.all(sql, ...binds),
      once: (ask) => this.#once(ask),
    };
  }

  read<Answer>(ask: (reader: Reader) => Answer): Answer {
    if (!this.#open) {
      this.#connection.run("BEGIN");
      this.#open = true;
      setImmediate(() => this.end());
    }
    return ask(this.#reader);
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#answers.clear();
    this.#connection.run("COMMIT");
  }

  close(): void {
    this.end();
    this.#connection.close();
  }

  #once<Answer>(ask: (reader: Reader) => Answer): Answer {
    if (!this.#answers.has(ask)) this.#answers.set(ask, ask(this.#reader));
    return this.#answers.get(ask) as Answer;
  }
}
