import { type Actor, SYSTEM } from "../kernel/actor.ts";
import { assert } from "../kernel/assert.ts";
import type { Cancel, Clock } from "../kernel/clock.ts";
import { DomainError, describeError } from "../kernel/failure.ts";
import type { Log } from "../kernel/log.ts";
import type { Command } from "./command.ts";
import type { Audience, Outcome, Request, Settled } from "./group-commit.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Topic } from "./sql.ts";
import type { WriterMetrics } from "./store-metrics.ts";
import { proveWritable, Writability } from "./writability.ts";

/** Commands that wait at most; the next one is told to come back. It bounds memory, not fairness. */
export const QUEUE_MAX = 16_384;

type Waiting = { resolve: (result: unknown) => void; reject: (error: unknown) => void };

/** What commits groups, here or in a thread of its own. */
export type Committer = {
  has(command: Command<never, unknown>): boolean;
  add(requests: readonly Request[]): void;
  /** Lets go of the database, with an emptied log if asked for. Nobody waits or reads any more. */
  close(emptyLog: boolean): Promise<void>;
};

type Surroundings = { clock: Clock; log: Log; metrics: WriterMetrics };

/** The one writer's face: takes commands, and answers each when it is stored. */
export class Writer implements Audience {
  readonly writability: Writability;
  readonly #snapshots: Snapshots;
  readonly #log: Log;
  readonly #metrics: WriterMetrics;
  readonly #waiting = new Map<number, Waiting>();
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

  /** To be called once, before anything is written. */
  begin(committer: Committer): void {
    this.#committer = committer;
  }

  /** Commands that have no answer yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Answers after the commit that holds the command's effect. Rejects with the command's own refusal, or `unavailable`. */
  write<Input, Result>(command: Command<Input, Result>, actor: Actor, input: Input): Promise<Result> {
    if (this.#closed) return Promise.reject(unavailable("The server is stopping."));
    if (this.#waiting.size >= QUEUE_MAX) {
      this.#metrics.queueRefusals.add();
      const message = "Too many writes are waiting; try again later.";
      return Promise.reject(new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: 1000 }));
    }
    return new Promise<Result>((resolve, reject) => {
      assert(this.#committer?.has(command), `the writer has the command ${command.name}`);
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject } as Waiting);
      // What one turn of the event loop brings goes together.
      if (this.#gathered.length === 0) setImmediate(() => this.#committer?.add(this.#gathered.splice(0)));
      this.#gathered.push({ id, command, actor, input } as Request);
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

  settled(settled: Settled): void {
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

  withdraw(): void {
    this.#snapshots.end();
  }

  moved(outcome: { ms: number } | { error: unknown }): void {
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
    if (outcome.ok) waiting?.resolve(outcome.result);
    else waiting?.reject(outcome.error);
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
