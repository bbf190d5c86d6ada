import { assert } from "../../kernel/assert.ts";
import { type Clock, sleep, stopwatchMs, systemClock } from "../../kernel/clock.ts";
import type { TakenItem } from "../../kernel/fairness/fair-queue.ts";
import { type Connection, concernsStatementOnly, isBusy, isSqliteError } from "../sqlite/connection.ts";
import type { SqlValue, Topic, Tx } from "../sqlite/sql.ts";
import { Checkpoints } from "./checkpoints.ts";
import { CommandQueue, type Request } from "./command-queue.ts";
import { GROUP_MAX, GroupSize } from "./group-size.ts";
import { PendingInserts } from "./pending-inserts.ts";

/**
 * Time limit for running a group's commands. A command that arrives meanwhile waits for this group and then for its
 * own, so a low limit keeps answers fast. While only one account has waiting commands, the limit is higher: longer
 * groups mean fewer commits.
 */
const GROUP_MS_MAX = 3;
const GROUP_OF_ONE_ACCOUNT_MS_MAX = 8;
/**
 * Maximum time that a group holds a shared event loop before it yields. Requests served meanwhile still read the previous
 * snapshot.
 */
const LOOP_HOLD_MS = 2;
/**
 * Another process (the command line) locks the database for milliseconds; after this time the callers receive an error.
 */
const BUSY_WAIT_MAX_MS = 5_000;
const BUSY_RETRY_MS = 5;

export type Outcome = { ok: true; result: unknown } | { ok: false; error: unknown };

/**
 * The result of a group: an outcome per request, once it is on disk; or `lost`, if the transaction failed, and every
 * command with it.
 */
export type GroupResult = {
  requests: readonly number[];
  woken: readonly Topic[];
  /** How long the disk took; null if nothing was written. */
  commitMs: number | null;
} & ({ outcomes: readonly Outcome[] } | { lost: unknown });

/** Receives the results of groups. */
export type GroupObserver = {
  onGroupDone: (settled: GroupResult) => void;
  /**
   * Ends the open read snapshots, which would block a checkpoint; resolves once they have ended. Called before and
   * after the last round of a checkpoint, the one for which groups wait.
   */
  releaseReaders: () => Promise<void> | void;
  /**
   * Called when the last round of a checkpoint has finished (groups waited `ms` for it), or when any round has failed.
   */
  onCheckpoint: (outcome: { ms: number } | { error: unknown }) => void;
};

/** The outcomes of a group's commands so far. */
type Attempt = { outcomes: Outcome[]; woken: Set<Topic>; wrote: boolean };

type Options = {
  clock: Clock;
  /** The instant of the newest journal row. */
  lastInstant: number;
  /**
   * Whether other work shares this event loop. Then a long group yields to that work, and commits and checkpoints run
   * off the loop.
   */
  shared: boolean;
  /** Has the system flush the database file to disk. */
  flush: () => Promise<void>;
};

/**
 * Commits waiting commands in groups: one transaction, one `fsync`, then all responses.
 *
 * A group is first run without savepoints, which cost more than many commands. A command that fails before its first
 * write has nothing to undo. One that fails later spoils the transaction: it is rolled back, and the same group is run
 * once more with a savepoint around each command. So a refused command costs the others of its group at most a second
 * run.
 */
export class GroupCommit {
  readonly #connection: Connection;
  readonly #inserts: PendingInserts;
  readonly #checkpoints: Checkpoints;
  readonly #observer: GroupObserver;
  readonly #clock: Clock;
  readonly #shared: boolean;
  readonly #size = new GroupSize();
  readonly #queue = new CommandQueue();
  #working: Promise<void> | undefined;
  #lastInstant: number;

  /** Both connections are to the same database and used by this object only. */
  constructor(
    [connection, beside]: readonly [Connection, Connection],
    observer: GroupObserver,
    { clock, lastInstant, shared, flush }: Options,
  ) {
    this.#connection = connection;
    this.#inserts = new PendingInserts(connection);
    const onFailure = (error: unknown) => observer.onCheckpoint({ error });
    this.#checkpoints = new Checkpoints(connection, beside, { flush, onFailure });
    this.#observer = observer;
    this.#clock = clock;
    this.#lastInstant = lastInstant;
    this.#shared = shared;
  }

  add(requests: readonly Request[]): void {
    for (const request of requests) this.#queue.add(request);
    this.#working ??= this.#work();
  }

  /**
   * Closes the database once all waiting work is finished. If asked to, it first checkpoints the log, so that a stopped
   * server leaves everything in one file. Returns the error if the log had to be kept.
   */
  async close(emptyLog: boolean): Promise<unknown> {
    await this.#working;
    await this.#checkpoints.close();
    try {
      // Closing does not empty the log: the driver closes a connection only once its statements are garbage-collected.
      if (emptyLog) this.#connection.pragma("wal_checkpoint(TRUNCATE)");
      return undefined;
    } catch (error) {
      return error;
    } finally {
      this.#connection.close();
    }
  }

  /**
   * Commits group after group and yields in between, so that callers are answered and commands that arrive meanwhile
   * form the next group.
   */
  async #work(): Promise<void> {
    while (this.#queue.size > 0) {
      this.#observer.onGroupDone(await this.#commit());
      if (this.#checkpoints.due) await this.#checkpoint();
      await new Promise<void>((done) => setImmediate(done));
    }
    this.#working = undefined;
  }

  /** Runs a group of waiting commands, and returns its outcomes once they are on disk. */
  async #commit(): Promise<GroupResult> {
    const group: TakenItem<Request>[] = [];
    try {
      await this.#begin(group);
      const began = stopwatchMs();
      const countMax = this.#shared ? GROUP_MAX : this.#size.next(this.#queue.size);
      let attempt = await this.#attempt(group, countMax, false);
      if (!attempt) {
        this.#connection.run("ROLLBACK");
        this.#checkpoints.transactionEnded(false);
        await this.#begin(group);
        attempt = await this.#attempt(group, countMax, true);
      }
      assert(attempt, "savepoints keep a group from being spoiled");
      const ranMs = stopwatchMs() - began;
      const commitMs = await this.#end(attempt);
      if (commitMs !== null) this.#size.learn(attempt.outcomes.length, ranMs, commitMs);
      this.#checkpoints.transactionEnded(true);
      return { requests: idsOf(group), outcomes: attempt.outcomes, woken: [...attempt.woken], commitMs };
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.run("ROLLBACK");
      this.#checkpoints.transactionLost();
      return { requests: idsOf(group), lost: error, woken: [], commitMs: null };
    }
  }

  /** Commits; without writes the disk is not involved. Requests served meanwhile still read the previous snapshot. */
  async #end({ wrote }: Attempt): Promise<number | null> {
    const began = stopwatchMs();
    if (wrote && this.#shared) await this.#connection.runOffLoop("COMMIT");
    else this.#connection.run("COMMIT");
    return wrote ? stopwatchMs() - began : null;
  }

  /** Pages that cannot be moved now, because a device fails, stay in the log. */
  async #checkpoint(): Promise<void> {
    await this.#observer.releaseReaders();
    try {
      this.#observer.onCheckpoint({ ms: await this.#checkpoints.finish(this.#shared) });
    } catch (error) {
      this.#observer.onCheckpoint({ error });
    }
    // A snapshot begun meanwhile reads from the log, which cannot restart until it ends.
    await this.#observer.releaseReaders();
  }

  /**
   * Waits, off the event loop, for another process to finish its transaction. On timeout it takes commands into an
   * empty group, so that their callers receive the error.
   */
  async #begin(group: TakenItem<Request>[]): Promise<void> {
    const deadline = this.#clock.now() + BUSY_WAIT_MAX_MS;
    for (;;) {
      try {
        this.#connection.run("BEGIN IMMEDIATE");
        this.#inserts.clear();
        return;
      } catch (error) {
        if (!isBusy(error) || this.#clock.now() >= deadline) {
          while (group.length < GROUP_MAX && this.#takeInto(group));
          throw error;
        }
        // Real time: another process holds the lock, whatever clock this store has.
        await sleep(systemClock, BUSY_RETRY_MS);
      }
    }
  }

  /**
   * Runs the group's commands in the open transaction, and takes further waiting ones until the group is full or its
   * time is over. Returns undefined if a command has spoiled the transaction.
   */
  async #attempt(group: TakenItem<Request>[], countMax: number, savepoints: boolean): Promise<Attempt | undefined> {
    const attempt: Attempt = { outcomes: [], woken: new Set(), wrote: false };
    const { outcomes } = attempt;
    let [spentMs, began, msMax] = [0, this.#clock.now(), GROUP_OF_ONE_ACCOUNT_MS_MAX];
    for (;;) {
      if (this.#queue.accounts > 1) msMax = GROUP_MS_MAX;
      if (this.#shared && this.#clock.now() - began >= LOOP_HOLD_MS) {
        spentMs += this.#clock.now() - began;
        await new Promise<void>((done) => setImmediate(done));
        began = this.#clock.now();
      }
      // The group ends before a command that is expected to exceed the limit, so that those already run are answered first.
      const endsAt = spentMs + this.#clock.now() - began + this.#queue.expectedMs;
      const isFull = outcomes.length >= countMax || (outcomes.length > 0 && endsAt > msMax);
      if (outcomes.length >= group.length && (isFull || !this.#takeInto(group))) break;
      if (!this.#run(group[outcomes.length] as TakenItem<Request>, savepoints, attempt)) return undefined;
    }
    return this.#flushInserts() ? attempt : undefined;
  }

  /** Returns false if none is waiting. */
  #takeInto(group: TakenItem<Request>[]): boolean {
    const next = this.#queue.take();
    if (next) group.push(next);
    return next !== undefined;
  }

  /** Runs one command and charges its owner for the time. Returns false if it has spoiled the transaction. */
  #run({ item, charge }: TakenItem<Request>, savepoint: boolean, attempt: Attempt): boolean {
    const began = stopwatchMs();
    const outcome = this.#runOne(item, savepoint, attempt);
    charge(stopwatchMs() - began);
    if (outcome === "spoiled") return false;
    attempt.outcomes.push(outcome);
    return true;
  }

  /** Returns false if a pending insert failed; the group is rerun with savepoints to find its command. */
  #flushInserts(): boolean {
    try {
      this.#inserts.flush();
      return true;
    } catch (error) {
      if (this.#isLost(error)) throw error;
      return false;
    }
  }

  #runOne({ command, actor, input }: Request, savepoint: boolean, attempt: Attempt): Outcome | "spoiled" {
    const connection = this.#connection;
    const inserts = this.#inserts;
    const wakes: Topic[] = [];
    let wrote = false;
    const writing = (binds: readonly SqlValue[]) => {
      wrote = true;
      this.#checkpoints.count(binds);
    };
    const tx: Tx = {
      now: this.#instant(),
      get: (sql, ...binds) => {
        inserts.flushFor(sql);
        return connection.get(sql, ...binds);
      },
      all: (sql, ...binds) => {
        inserts.flushFor(sql);
        return connection.all(sql, ...binds);
      },
      once: (ask) => ask(tx),
      run: (sql, ...binds) => {
        writing(binds);
        inserts.flushFor(sql);
        return connection.run(sql, ...binds);
      },
      wake: (topic) => wakes.push(topic),
      insert: (sql, ...binds) => {
        writing(binds);
        inserts.flushFor(sql);
        return connection.insert(sql, ...binds);
      },
      append: (table, ...values) => {
        writing(values);
        return inserts.add(table, values);
      },
    };
    if (savepoint) connection.run("SAVEPOINT command");
    try {
      const result = command.run(tx, actor, input);
      // A command may have caught an error that ended the transaction; later commands would then each commit by
      // themselves.
      assert(connection.inTransaction, `the transaction outlives ${command.name}`);
      if (savepoint) {
        inserts.flush();
        connection.run("RELEASE command");
      }
      for (const topic of wakes) attempt.woken.add(topic);
      attempt.wrote ||= wrote;
      return { ok: true, result };
    } catch (error) {
      if (this.#isLost(error)) throw error;
      if (savepoint) {
        inserts.clear();
        connection.run("ROLLBACK TO command");
        connection.run("RELEASE command");
      } else if (wrote) return "spoiled";
      return { ok: false, error };
    }
  }

  /** Whether the whole transaction is lost: a full disk, a failing device, a damaged file. */
  #isLost(error: unknown): boolean {
    return !this.#connection.inTransaction || (isSqliteError(error) && !concernsStatementOnly(error));
  }

  /** If the clock is set back, instants in the journal still never decrease. */
  #instant(): number {
    this.#lastInstant = Math.max(this.#lastInstant, this.#clock.now());
    return this.#lastInstant;
  }
}

const idsOf = (group: readonly TakenItem<Request>[]) => group.map(({ item }) => item.id);
