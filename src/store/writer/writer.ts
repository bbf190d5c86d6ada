import { type Actor, SYSTEM } from "../../kernel/actor.ts";
import { assert } from "../../kernel/assert.ts";
import type { Cancel, Clock } from "../../kernel/clock.ts";
import { DomainError, describeError } from "../../kernel/failure.ts";
import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import type { Log } from "../../kernel/log.ts";
import type { Command } from "../sqlite/command.ts";
import type { Snapshots } from "../sqlite/snapshots.ts";
import type { Topic } from "../sqlite/sql.ts";
import { ownerOf, type Request } from "./command-queue.ts";
import type { GroupObserver, GroupResult, Outcome } from "./group-commit.ts";
import type { WriterMetrics } from "./store-metrics.ts";
import { proveWritable, Writability } from "./writability.ts";

/**
 * Maximum number of waiting commands of all accounts together; it bounds memory. A command is accepted only while its
 * account has fewer waiting commands than there are free places. So one account alone fills at most half of them, and
 * however many accounts fill their share, a place stays free for an account that has none waiting.
 */
export const QUEUE_MAX = 16_384;

/** How many commands of an account are waiting. */
type Count = { readonly account: string; commands: number };

type Waiting = { count: Count | null; resolve: (result: unknown) => void; reject: (error: unknown) => void };

/** Commits groups, in this thread or a separate one. */
export type Committer = {
  /** Whether the committer can run this command. */
  has(command: Command<never, unknown>): boolean;
  add(requests: readonly Request[]): void;
  /**
   * Closes the database; with `emptyLog` it moves and truncates the log first. Call only when no command waits and no
   * reader is active.
   */
  close(emptyLog: boolean): Promise<void>;
};

type Surroundings = { clock: Clock; log: Log; metrics: WriterMetrics };

/** The store's single writer: takes commands and settles each once it is stored. */
export class Writer implements GroupObserver {
  readonly writability: Writability;
  readonly #snapshots: Snapshots;
  readonly #log: Log;
  readonly #metrics: WriterMetrics;
  readonly #waiting = new Map<number, Waiting>();
  /** Number of waiting commands, per account and for all accounts. */
  readonly #counts = new Map<string, Count>();
  #waitingOfAccounts = 0;
  readonly #listeners = new Set<{ topic: Topic; listen: () => void }>();
  readonly #idle: (() => void)[] = [];
  #committer: Committer | undefined;
  #gathered: Request[] = [];
  #nextId = 1;
  #closed = false;

  constructor(snapshots: Snapshots, { clock, log, metrics }: Surroundings) {
    this.#snapshots = snapshots;
    this.#log = log;
    this.#metrics = metrics;
    this.writability = new Writability(clock, () => this.write(proveWritable, SYSTEM, null));
  }

  /** Must be called once, before the first write. */
  begin(committer: Committer): void {
    this.#committer = committer;
  }

  /** Number of commands not answered yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves after the commit that holds the command's effect. Rejects with the command's own refusal, with `limited`
   * if too many commands of its owner are waiting, or with `unavailable`. The server's own commands are never refused
   * with `limited`.
   */
  write<Input, Result>(
    command: Command<Input, Result>,
    actor: Actor,
    input: Input,
    explicit?: Owner | null,
  ): Promise<Result> {
    const owner = ownerOf({ actor, owner: explicit });
    if (this.#closed) return Promise.reject(unavailable("The server is stopping."));
    const count = owner && this.#countOf(owner.account);
    if (count && !this.#hasRoom(count)) {
      this.#metrics.queueRefusals.add();
      const message = "Too many writes are waiting; try again later.";
      return Promise.reject(new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: 1000 }));
    }
    return new Promise<Result>((resolve, reject) => {
      assert(this.#committer?.has(command), `the writer has the command ${command.name}`);
      const id = this.#nextId++;
      this.#waiting.set(id, { count, resolve, reject } as Waiting);
      if (count) this.#enter(count);
      // Commands from one turn of the event loop are sent together.
      if (this.#gathered.length === 0) setImmediate(() => this.#committer?.add(this.#gathered.splice(0)));
      this.#gathered.push({ id, command, actor, input, owner: explicit } as Request);
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
    if (this.#waiting.size > 0) await new Promise<void>((done) => this.#idle.push(done));
  }

  onGroupDone(settled: GroupResult): void {
    this.#snapshots.end();
    const { requests, woken, commitMs } = settled;
    if (commitMs !== null) {
      this.#metrics.commitSeconds.observe(commitMs / 1000);
      this.#metrics.groupCommands.observe(requests.length);
      this.writability.learn(false);
    }
    if ("lost" in settled) this.#lose(requests, settled.lost);
    else for (const [index, id] of requests.entries()) this.#answer(id, settled.outcomes[index] as Outcome);
    for (const { topic, listen } of this.#listeners) if (woken.includes(topic)) this.#hint(listen);
    if (this.#waiting.size === 0) for (const done of this.#idle.splice(0)) done();
  }

  releaseReaders(): void {
    this.#snapshots.end();
  }

  onCheckpoint(outcome: { ms: number } | { error: unknown }): void {
    if ("ms" in outcome) this.#metrics.checkpointSeconds.observe(outcome.ms / 1000);
    else this.#log.warn("store.checkpoint_failed", { error: describeError(outcome.error) });
  }

  #lose(requests: readonly number[], error: unknown): void {
    this.#metrics.groupsLost.add();
    this.writability.learn(true);
    this.#log.error("store.group_lost", { commands: requests.length, error: describeError(error) });
    const refusal = unavailable("The write could not be stored; nothing changed.", error);
    for (const id of requests) this.#answer(id, { ok: false, error: refusal });
  }

  #answer(id: number, outcome: Outcome): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting?.count) this.#leave(waiting.count);
    if (outcome.ok) waiting?.resolve(outcome.result);
    else waiting?.reject(outcome.error);
  }

  #countOf(account: string): Count {
    return this.#counts.get(account) ?? { account, commands: 0 };
  }

  #hasRoom({ commands }: Count): boolean {
    return commands < QUEUE_MAX - this.#waitingOfAccounts;
  }

  #enter(count: Count): void {
    this.#waitingOfAccounts++;
    if (count.commands++ === 0) this.#counts.set(count.account, count);
  }

  #leave(count: Count): void {
    this.#waitingOfAccounts--;
    if (--count.commands === 0) this.#counts.delete(count.account);
  }

  #hint(hint: () => void): void {
    try {
      hint();
    } catch (error) {
      this.#log.error("store.hint_failed", { error: describeError(error) });
    }
  }
}

const unavailable = (message: string, cause?: unknown) =>
  new DomainError({ code: "unavailable", message }, cause === undefined ? undefined : { cause });
