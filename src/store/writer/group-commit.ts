import { assert } from "../../kernel/assert.ts";
import { type Clock, sleep, stopwatchMs, systemClock } from "../../kernel/clock.ts";
import type { Taken } from "../../kernel/fairness/fair-queue.ts";
import { type Connection, concernsStatementOnly, isBusy, isSqliteError } from "../sqlite/connection.ts";
import type { SqlValue, Topic, Tx } from "../sqlite/sql.ts";
import { AppendedRows } from "./appended-rows.ts";
import { Checkpoints } from "./checkpoints.ts";
import { CommandQueue, type Request } from "./command-queue.ts";
import { GROUP_MAX, GroupSize } from "./group-size.ts";

/**
 * The longest that a group runs commands. A command that arrives meanwhile waits for the end of that group, and then for the end of its own. Where
 * the commands of one account only wait, longer groups wait for the disk less often.
 */
const GROUP_MS_MAX = 3;
const GROUP_OF_ONE_ACCOUNT_MS_MAX = 8;
/** So long a group keeps a shared event loop to itself. Then others are served in its midst, who see what was there before it. */
const TURN_MS = 2;
/** Another process (the command line) holds the database for milliseconds; longer than this, callers are told. */
const BUSY_WAIT_MAX_MS = 5_000;
const BUSY_RETRY_MS = 5;

export type Outcome = { ok: true; result: unknown } | { ok: false; error: unknown };

/** What became of a group: of each request, once it is on disk; or `lost`, when the transaction, and with it every command, is gone. */
export type Settled = {
  requests: readonly number[];
  woken: readonly Topic[];
  /** How long the disk took; null if there was nothing for it. */
  commitMs: number | null;
} & ({ outcomes: readonly Outcome[] } | { lost: unknown });

/** Whom the groups are for. */
export type Audience = {
  settled: (settled: Settled) => void;
  /** Before the log is moved into the database and once it is: resolves when no reader is in its way. */
  withdraw: () => Promise<void> | void;
  /** The log was moved, for which groups waited so many milliseconds, or could not be. */
  moved: (outcome: { ms: number } | { error: unknown }) => void;
};

/** What became of the commands of a group that were run so far. */
type Attempt = { outcomes: Outcome[]; woken: Set<Topic>; wrote: boolean };

type Options = {
  clock: Clock;
  /** The instant of the newest journal row. */
  lastInstant: number;
  /** Whether the event loop is shared with others, who are served while a group takes its time and while the disk does. */
  shared: boolean;
  /** Has the system write to the disk what it has of the database file. */
  flush: () => Promise<void>;
};

/**
 * Commits waiting commands in groups: one transaction, one `fsync`, then all answers.
 *
 * A group is first run without savepoints, which cost more than many commands. A command that fails before its first write has
 * nothing to undo. One that fails later spoils the transaction: it is rolled back, and the same group is run
 * once more with a savepoint around each command. So a refused command costs its neighbours at most a second run.
 */
export class GroupCommit {
  readonly #connection: Connection;
  readonly #appended: AppendedRows;
  readonly #checkpoints: Checkpoints;
  readonly #audience: Audience;
  readonly #clock: Clock;
  readonly #shared: boolean;
  readonly #size = new GroupSize();
  readonly #queue = new CommandQueue();
  #working: Promise<void> | undefined;
  #lastInstant: number;

  /** Both connections are this one's alone, and to the same database. */
  constructor(
    [connection, beside]: readonly [Connection, Connection],
    audience: Audience,
    { clock, lastInstant, shared, flush }: Options,
  ) {
    this.#connection = connection;
    this.#appended = new AppendedRows(connection);
    this.#checkpoints = new Checkpoints(connection, beside, { flush, failed: (error) => audience.moved({ error }) });
    this.#audience = audience;
    this.#clock = clock;
    this.#lastInstant = lastInstant;
    this.#shared = shared;
  }

  add(requests: readonly Request[]): void {
    for (const request of requests) this.#queue.add(request);
    this.#working ??= this.#work();
  }

  /**
   * Lets go of the database once nothing is left to be done, nor under way; if asked to, it moves the log into the database file first, so that
   * a stopped server leaves all it has in one file. Answers why the log was kept, if it was.
   */
  async close(emptyLog: boolean): Promise<unknown> {
    await this.#working;
    await this.#checkpoints.close();
    try {
      // Closing would not do it: the driver lets go of a connection only when its statements are garbage.
      if (emptyLog) this.#connection.pragma("wal_checkpoint(TRUNCATE)");
      return undefined;
    } catch (error) {
      return error;
    } finally {
      this.#connection.close();
    }
  }

  /** Commits group after group, yielding between them: callers are answered, and what arrives meanwhile forms the next. */
  async #work(): Promise<void> {
    while (this.#queue.size > 0) {
      this.#audience.settled(await this.#commit());
      if (this.#checkpoints.due) await this.#checkpoint();
      await new Promise<void>((done) => setImmediate(done));
    }
    this.#working = undefined;
  }

  /** Runs a group of what waits, and returns what became of it once that is on disk. */
  async #commit(): Promise<Settled> {
    const group: Taken<Request>[] = [];
    try {
      await this.#begin(group);
      const began = stopwatchMs();
      const countMax = this.#shared ? GROUP_MAX : this.#size.next(this.#queue.size);
      let attempt = await this.#attempt(group, countMax, false);
      if (!attempt) {
        this.#connection.run("ROLLBACK");
        this.#checkpoints.ended(false);
        await this.#begin(group);
        attempt = await this.#attempt(group, countMax, true);
      }
      assert(attempt, "savepoints keep a group from being spoiled");
      const ranMs = stopwatchMs() - began;
      const commitMs = await this.#end(attempt);
      if (commitMs !== null) this.#size.learn(attempt.outcomes.length, ranMs, commitMs);
      this.#checkpoints.ended(true);
      return { requests: idsOf(group), outcomes: attempt.outcomes, woken: [...attempt.woken], commitMs };
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.run("ROLLBACK");
      this.#checkpoints.lost();
      return { requests: idsOf(group), lost: error, woken: [], commitMs: null };
    }
  }

  /** The disk takes its time, if there is anything for it. Whoever reads meanwhile sees what was there before. */
  async #end({ wrote }: Attempt): Promise<number | null> {
    const began = stopwatchMs();
    if (wrote && this.#shared) await this.#connection.runAside("COMMIT");
    else this.#connection.run("COMMIT");
    return wrote ? stopwatchMs() - began : null;
  }

  /** What cannot be moved now, because a device fails, stays in the log. */
  async #checkpoint(): Promise<void> {
    await this.#audience.withdraw();
    try {
      this.#audience.moved({ ms: await this.#checkpoints.finish(this.#shared) });
    } catch (error) {
      this.#audience.moved({ error });
    }
    // A snapshot that was begun meanwhile reads from the log, which cannot be begun anew while it lasts.
    await this.#audience.withdraw();
  }

  /** Waits for another process to finish its transaction, off the event loop. In vain, an empty group is filled with those who are to be told. */
  async #begin(group: Taken<Request>[]): Promise<void> {
    const deadline = this.#clock.now() + BUSY_WAIT_MAX_MS;
    for (;;) {
      try {
        this.#connection.run("BEGIN IMMEDIATE");
        this.#appended.forget();
        return;
      } catch (error) {
        if (!isBusy(error) || this.#clock.now() >= deadline) {
          while (group.length < GROUP_MAX && this.#takeInto(group));
          throw error;
        }
        await sleep(systemClock, BUSY_RETRY_MS);
      }
    }
  }

  /**
   * Runs the group's commands in the open transaction, and takes more of what waits until the group is full or its time is over. Returns undefined
   * if a command has spoiled the transaction.
   */
  async #attempt(group: Taken<Request>[], countMax: number, savepoints: boolean): Promise<Attempt | undefined> {
    const attempt: Attempt = { outcomes: [], woken: new Set(), wrote: false };
    const { outcomes } = attempt;
    let [spentMs, began, msMax] = [0, this.#clock.now(), GROUP_OF_ONE_ACCOUNT_MS_MAX];
    for (;;) {
      if (this.#queue.accounts > 1) msMax = GROUP_MS_MAX;
      if (this.#shared && this.#clock.now() - began >= TURN_MS) {
        spentMs += this.#clock.now() - began;
        await new Promise<void>((done) => setImmediate(done));
        began = this.#clock.now();
      }
      // Small commands do not wait for the end of a laborious one that would come after them.
      const endsAt = spentMs + this.#clock.now() - began + this.#queue.expectedMs;
      const isFull = outcomes.length >= countMax || (outcomes.length > 0 && endsAt > msMax);
      if (outcomes.length >= group.length && (isFull || !this.#takeInto(group))) break;
      if (!this.#run(group[outcomes.length] as Taken<Request>, savepoints, attempt)) return undefined;
    }
    return this.#writeAppended() ? attempt : undefined;
  }

  /** Returns false if nothing waits. */
  #takeInto(group: Taken<Request>[]): boolean {
    const next = this.#queue.take();
    if (next) group.push(next);
    return next !== undefined;
  }

  /** Runs one command and charges its owner for the time. Returns false if it has spoiled the transaction. */
  #run({ item, charge }: Taken<Request>, savepoint: boolean, attempt: Attempt): boolean {
    const began = stopwatchMs();
    const outcome = this.#runOne(item, savepoint, attempt);
    charge(stopwatchMs() - began);
    if (outcome === "spoiled") return false;
    attempt.outcomes.push(outcome);
    return true;
  }

  /** Answers false if a row could not be written, and whose it was has to be found out. */
  #writeAppended(): boolean {
    try {
      this.#appended.write();
      return true;
    } catch (error) {
      if (this.#isLost(error)) throw error;
      return false;
    }
  }

  #runOne({ command, actor, input }: Request, savepoint: boolean, attempt: Attempt): Outcome | "spoiled" {
    const connection = this.#connection;
    const appended = this.#appended;
    const wakes: Topic[] = [];
    let wrote = false;
    const writing = (binds: readonly SqlValue[]) => {
      wrote = true;
      this.#checkpoints.count(binds);
    };
    const tx: Tx = {
      now: this.#instant(),
      get: (sql, ...binds) => {
        appended.writeFor(sql);
        return connection.get(sql, ...binds);
      },
      all: (sql, ...binds) => {
        appended.writeFor(sql);
        return connection.all(sql, ...binds);
      },
      once: (ask) => ask(tx),
      run: (sql, ...binds) => {
        writing(binds);
        appended.writeFor(sql);
        return connection.run(sql, ...binds);
      },
      wake: (topic) => wakes.push(topic),
      insert: (sql, ...binds) => {
        writing(binds);
        appended.writeFor(sql);
        return connection.insert(sql, ...binds);
      },
      append: (table, ...values) => {
        writing(values);
        return appended.add(table, values);
      },
    };
    if (savepoint) connection.run("SAVEPOINT command");
    try {
      const result = command.run(tx, actor, input);
      // A command may have caught an error that ended the transaction; what runs after it would commit by itself.
      assert(connection.inTransaction, `the transaction outlives ${command.name}`);
      if (savepoint) {
        appended.write();
        connection.run("RELEASE command");
      }
      for (const topic of wakes) attempt.woken.add(topic);
      attempt.wrote ||= wrote;
      return { ok: true, result };
    } catch (error) {
      if (this.#isLost(error)) throw error;
      if (savepoint) {
        appended.forget();
        connection.run("ROLLBACK TO command");
        connection.run("RELEASE command");
      } else if (wrote) return "spoiled";
      return { ok: false, error };
    }
  }

  /** Whether the whole transaction is beyond use: a full disk, a failing device, a damaged file. */
  #isLost(error: unknown): boolean {
    return !this.#connection.inTransaction || (isSqliteError(error) && !concernsStatementOnly(error));
  }

  /** A clock set back does not reach the journal: its instants never decrease. */
  #instant(): number {
    this.#lastInstant = Math.max(this.#lastInstant, this.#clock.now());
    return this.#lastInstant;
  }
}

const idsOf = (group: readonly Taken<Request>[]) => group.map(({ item }) => item.id);
