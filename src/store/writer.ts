import { type Actor, SYSTEM } from "../kernel/actor.ts";
import { assert } from "../kernel/assert.ts";
import { type Cancel, type Clock, stopwatchMs } from "../kernel/clock.ts";
import { DomainError, describeError } from "../kernel/failure.ts";
import type { Log } from "../kernel/log.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { Command } from "./command.ts";
import { type Connection, concernsStatementOnly, isBusy, isSqliteError } from "./connection.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Topic, Tx } from "./sql.ts";
import type { WriterMetrics } from "./store-metrics.ts";
import { proveWritable, Writability } from "./writability.ts";

/** Commands that wait at most; the next one is told to come back. It bounds memory, not fairness. */
export const QUEUE_MAX = 16_384;
/** A group is closed here, so that answers are not held back by an endless stream of newcomers. */
const GROUP_MAX = 256;
/** And here, if its commands are laborious. The rest waits for the next group. */
const GROUP_MS_MAX = 10;
/** So long a group keeps the event loop to itself. Then others are served in its midst, who see what was there before it. */
const TURN_MS = 2;
/** Another process (the command line) holds the database for milliseconds; longer than this, callers are told. */
const BUSY_WAIT_MAX_MS = 5_000;
const BUSY_RETRY_MS = 5;

type Pending = {
  command: Command<unknown, unknown>;
  actor: Actor;
  input: unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
};

type Outcome = { ok: true; result: unknown } | { ok: false; error: unknown };

type Attempt = { outcomes: Outcome[]; woken: Set<Topic>; wrote: boolean };

/**
 * The one writer. Waiting commands are committed in groups: one transaction, one `fsync`, then all answers.
 *
 * A group is first run without savepoints, which cost more than many commands. A command that fails before its first write has
 * nothing to undo. One that fails later spoils the transaction: it is rolled back, and the same group is run
 * once more with a savepoint around each command. So a refused command costs its neighbours at most a second run.
 */
export class Writer {
  readonly writability: Writability;
  readonly #connection: Connection;
  readonly #checkpoints: Checkpoints;
  readonly #snapshots: Snapshots;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #metrics: WriterMetrics;
  #queue: Pending[] = [];
  #working = false;
  #closed = false;
  #lastInstant: number;
  #idle: (() => void)[] = [];
  readonly #listeners = new Set<{ topic: Topic; listen: () => void }>();

  constructor(
    connection: Connection,
    snapshots: Snapshots,
    { clock, log, metrics }: { clock: Clock; log: Log; metrics: WriterMetrics },
    lastInstant: number,
  ) {
    this.#connection = connection;
    this.#checkpoints = new Checkpoints(connection);
    this.#snapshots = snapshots;
    this.#clock = clock;
    this.#log = log;
    this.#metrics = metrics;
    this.writability = new Writability(clock, () => this.write(proveWritable, SYSTEM, null));
    this.#lastInstant = lastInstant;
  }

  /** Commands that wait for a group. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Answers after the commit that holds the command's effect. Rejects with the command's own refusal, or `unavailable`. */
  write<Input, Result>(command: Command<Input, Result>, actor: Actor, input: Input): Promise<Result> {
    if (this.#closed) return Promise.reject(unavailable("The server is stopping."));
    if (this.#queue.length >= QUEUE_MAX) {
      this.#metrics.queueRefusals.add();
      const message = "Too many writes are waiting; try again later.";
      return Promise.reject(new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: 1000 }));
    }
    return new Promise<Result>((resolve, reject) => {
      this.#queue.push({ command, actor, input, resolve, reject } as Pending);
      if (!this.#working) {
        this.#working = true;
        setImmediate(() => this.#work());
      }
    });
  }

  /** Calls `listen` after each commit of a command that woke the topic. */
  onWake(topic: Topic, listen: () => void): Cancel {
    const listener = { topic, listen };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Refuses new commands and resolves when every waiting one has been answered. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#working) await new Promise<void>((done) => this.#idle.push(done));
  }

  /** Commits group after group, yielding between them: callers are answered, and what arrives meanwhile forms the next. */
  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, GROUP_MAX);
      await this.#settle(group);
      if (this.#checkpoints.due) await this.#checkpoint();
      await new Promise<void>((done) => setImmediate(done));
    }
    this.#working = false;
    for (const done of this.#idle.splice(0)) done();
  }

  async #settle(group: Pending[]): Promise<void> {
    let attempt: Attempt;
    try {
      attempt = await this.#commit(group);
    } catch (error) {
      this.#metrics.groupsLost.add();
      this.writability.learn(true);
      this.#log.error("store.group_lost", { commands: group.length, error: describeError(error) });
      for (const pending of group)
        pending.reject(unavailable("The write could not be stored; nothing changed.", error));
      return;
    }
    for (const [index, pending] of group.entries()) {
      const outcome = attempt.outcomes[index] as Outcome;
      if (outcome.ok) pending.resolve(outcome.result);
      else pending.reject(outcome.error);
    }
    for (const { topic, listen } of this.#listeners) if (attempt.woken.has(topic)) this.#hint(listen);
  }

  /** Answers the outcomes once they are on disk. Throws when the transaction, and with it every command, is gone. */
  async #commit(group: Pending[]): Promise<Attempt> {
    try {
      await this.#begin();
      let attempt = await this.#attempt(group, false);
      if (!attempt) {
        this.#connection.run("ROLLBACK");
        this.#checkpoints.ended(false);
        await this.#begin();
        attempt = await this.#attempt(group, true);
      }
      assert(attempt, "savepoints keep a group from being spoiled");
      // The disk takes its time, if there is anything for it. Whoever reads meanwhile sees what was there before.
      if (attempt.wrote) await this.#commitAside(group.length);
      else this.#connection.run("COMMIT");
      this.#checkpoints.ended(true);
      this.#snapshots.end();
      return attempt;
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.run("ROLLBACK");
      this.#checkpoints.ended(false);
      throw error;
    }
  }

  async #commitAside(commandCount: number): Promise<void> {
    const began = stopwatchMs();
    await this.#connection.runAside("COMMIT");
    this.#metrics.commitSeconds.observe((stopwatchMs() - began) / 1000);
    this.#metrics.groupCommands.observe(commandCount);
    this.writability.learn(false);
  }

  /** What cannot be moved now, because a device fails, stays in the log. */
  async #checkpoint(): Promise<void> {
    const began = stopwatchMs();
    try {
      await this.#checkpoints.run();
      this.#metrics.checkpointSeconds.observe((stopwatchMs() - began) / 1000);
    } catch (error) {
      this.#log.warn("store.checkpoint_failed", { error: describeError(error) });
    }
    // A snapshot that was begun meanwhile reads from the log, which cannot be begun anew while it lasts.
    this.#snapshots.end();
  }

  /** Waits for another process to finish its transaction, off the event loop. */
  async #begin(): Promise<void> {
    const deadline = this.#clock.now() + BUSY_WAIT_MAX_MS;
    for (;;) {
      try {
        this.#connection.run("BEGIN IMMEDIATE");
        return;
      } catch (error) {
        if (!isBusy(error) || this.#clock.now() >= deadline) throw error;
        await new Promise<void>((done) => setTimeout(done, BUSY_RETRY_MS));
      }
    }
  }

  /**
   * Runs the group's commands in the open transaction, and puts back into the queue what its time is over for. Answers
   * undefined if a command has spoiled the transaction.
   */
  async #attempt(group: Pending[], savepoints: boolean): Promise<Attempt | undefined> {
    const attempt: Attempt = { outcomes: [], woken: new Set(), wrote: false };
    const { outcomes } = attempt;
    let [spentMs, began] = [0, this.#clock.now()];
    for (const pending of group) {
      const turnMs = this.#clock.now() - began;
      if (outcomes.length > 0 && spentMs + turnMs > GROUP_MS_MAX) {
        this.#queue.unshift(...group.splice(outcomes.length));
        break;
      }
      if (turnMs >= TURN_MS) {
        await new Promise<void>((done) => setImmediate(done));
        [spentMs, began] = [spentMs + turnMs, this.#clock.now()];
      }
      const outcome = this.#runOne(pending, savepoints, attempt);
      if (outcome === "spoiled") return undefined;
      outcomes.push(outcome);
    }
    return attempt;
  }

  #runOne({ command, actor, input }: Pending, savepoint: boolean, attempt: Attempt): Outcome | "spoiled" {
    const connection = this.#connection;
    const wakes: Topic[] = [];
    let wrote = false;
    const tx: Tx = {
      now: this.#instant(),
      get: (sql, ...binds) => connection.get(sql, ...binds),
      all: (sql, ...binds) => connection.all(sql, ...binds),
      once: (ask) => ask(tx),
      run: (sql, ...binds) => {
        wrote = true;
        this.#checkpoints.count(binds);
        return connection.run(sql, ...binds);
      },
      wake: (topic) => wakes.push(topic),
      insert: (sql, ...binds) => {
        wrote = true;
        this.#checkpoints.count(binds);
        return connection.insert(sql, ...binds);
      },
    };
    if (savepoint) connection.run("SAVEPOINT command");
    try {
      const result = command.run(tx, actor, input);
      // A command may have caught an error that ended the transaction; what runs after it would commit by itself.
      assert(connection.inTransaction, `the transaction outlives ${command.name}`);
      if (savepoint) connection.run("RELEASE command");
      for (const topic of wakes) attempt.woken.add(topic);
      attempt.wrote ||= wrote;
      return { ok: true, result };
    } catch (error) {
      if (this.#isLost(error)) throw error;
      if (savepoint) {
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

  #hint(hint: () => void): void {
    try {
      hint();
    } catch (error) {
      this.#log.error("store.hint_failed", { error: describeError(error) });
    }
  }

  /** A clock set back does not reach the journal: its instants never decrease. */
  #instant(): number {
    this.#lastInstant = Math.max(this.#lastInstant, this.#clock.now());
    return this.#lastInstant;
  }
}

const unavailable = (message: string, cause?: unknown) =>
  new DomainError({ code: "unavailable", message }, cause === undefined ? undefined : { cause });
