import { fdatasync, openSync } from "node:fs";
import { promisify } from "node:util";
import type { Actor } from "../../kernel/actor.ts";
import { systemClock } from "../../kernel/clock.ts";
import { DomainError, describeError, type Failure } from "../../kernel/failure.ts";
import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import type { Log } from "../../kernel/log.ts";
import type { ThreadPort } from "../../kernel/thread-port.ts";
import type { Command } from "../sqlite/command.ts";
import { openWriterConnections } from "../sqlite/retry.ts";
import type { Topic } from "../sqlite/sql.ts";
import { GroupCommit, type GroupObserver, type GroupResult, type Outcome } from "./group-commit.ts";
import type { Committer } from "./writer.ts";

/*
 * Both ends of a writer in a separate thread, so that readers wait neither for commands nor for the disk, and two
 * processors are used. A command is sent as its index in a list that both ends have; its input and result are plain
 * data. Once a group is on disk, the thread sends all its results as one message.
 */

/** All commands, in the same order at both ends. */
export type Commands = readonly Command<never, unknown>[];

type Sent = [id: number, command: number, actor: Actor, input: unknown, owner?: Owner | null | undefined, bulky?: true];

type ToThread =
  | { type: "open"; database: string; lastInstant: number }
  | { type: "run"; requests: Sent[] }
  | { type: "readers_released" }
  | { type: "close"; emptyLog: boolean };

type FromThread =
  | { type: "opened"; error?: SerializedError }
  | {
      type: "group_done";
      requests: readonly number[];
      woken: readonly Topic[];
      commitMs: number | null;
      result: SentResult;
    }
  | { type: "release_readers" }
  | { type: "checkpointed"; outcome: { ms: number } | { fault: SerializedError } }
  | { type: "closed"; error?: SerializedError };

type SentResult = { outcomes: SentOutcome[] } | { lost: SerializedError };
type SentOutcome = { result: unknown } | { json: string } | { refused: Failure } | { fault: SerializedError };

/** The result of a command with a bulky input, sent back as JSON. */
class JsonResult {
  readonly json: string;

  constructor(result: unknown) {
    this.json = JSON.stringify(result);
  }
}

const answeringJson = ({ name, run }: Command<unknown, unknown>): Command<unknown, unknown> => ({
  name,
  run: (tx, actor, input) => new JsonResult(run(tx, actor, input)),
});

/** An unexpected error as plain data: what the log needs, and the codes of the system and the driver. */
type SerializedError = ReturnType<typeof describeError> & { codes: object };

type Opening = { database: string; lastInstant: number; commands: Commands; log: Log };

/**
 * Opens the database in the thread behind `port`. Returns the committer that sends it requests. The thread ends once it
 * has closed the database.
 */
export async function openWriterThread(
  port: ThreadPort & { end(): void },
  observer: GroupObserver,
  opening: Opening,
): Promise<Committer> {
  const { database, lastInstant, commands, log } = opening;
  const numbers = new Map<Command<never, unknown>, number>(commands.map((command, number) => [command, number]));
  const send = (message: ToThread) => port.send(message);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  port.onMessage(async (received) => {
    const message = received as FromThread;
    if (message.type === "opened") message.error ? opened.reject(deserialize(message.error)) : opened.resolve();
    else if (message.type === "group_done") observer.onGroupDone(settledFrom(message));
    else if (message.type === "release_readers") {
      await observer.releaseReaders();
      send({ type: "readers_released" });
    } else if (message.type === "checkpointed") {
      const { outcome } = message;
      observer.onCheckpoint("ms" in outcome ? outcome : { error: deserialize(outcome.fault) });
    } else {
      if (message.error) log.warn("store.log_kept", { error: message.error });
      closed.resolve();
    }
  });
  send({ type: "open", database, lastInstant });
  await opened.promise;
  return {
    has: (command) => numbers.has(command),
    add(requests) {
      const sent = requests.map(({ id, command, actor, input, owner }): Sent => {
        const number = numbers.get(command) as number;
        if (command.isBulky?.(input)) return [id, number, actor, JSON.stringify(input), owner, true];
        return owner === undefined ? [id, number, actor, input] : [id, number, actor, input, owner];
      });
      send({ type: "run", requests: sent });
    },
    async close(emptyLog) {
      send({ type: "close", emptyLog });
      await closed.promise;
      port.end();
    },
  };
}

/** Runs in the writer's thread: receives the messages that `openWriterThread` sends, and answers them. */
export function runWriterThread(port: ThreadPort, commands: Commands): void {
  const send = (message: FromThread) => port.send(message);
  let readersReleased: (() => void) | undefined;
  let groups: GroupCommit;
  const observer: GroupObserver = {
    onGroupDone: (settled) => send(settledMessage(settled)),
    releaseReaders: () => {
      send({ type: "release_readers" });
      return new Promise<void>((done) => {
        readersReleased = done;
      });
    },
    onCheckpoint: (outcome) =>
      send({ type: "checkpointed", outcome: "ms" in outcome ? outcome : { fault: serialize(outcome.error) } }),
  };
  port.onMessage(async (received) => {
    const message = received as ToThread;
    if (message.type === "open") {
      try {
        groups = await open(message.database, message.lastInstant, observer);
        send({ type: "opened" });
      } catch (error) {
        send({ type: "opened", error: serialize(error) });
      }
    } else if (message.type === "run") {
      groups.add(
        message.requests.map(([id, number, actor, input, owner, bulky]) => {
          const command = commands[number] as Command<unknown, unknown>;
          if (!bulky) return { id, command, actor, input, owner };
          return { id, command: answeringJson(command), actor, input: JSON.parse(input as string), owner };
        }),
      );
    } else if (message.type === "readers_released") readersReleased?.();
    else {
      const error = await groups.close(message.emptyLog);
      send({ type: "closed", ...(error !== undefined && { error: serialize(error) }) });
    }
  });
}

async function open(database: string, lastInstant: number, observer: GroupObserver): Promise<GroupCommit> {
  const options = { clock: systemClock, lastInstant, shared: false, flush: flushing(database) };
  return new GroupCommit(await openWriterConnections(systemClock, database), observer, options);
}

/**
 * The file stays open for good: when a process closes any descriptor of a file it loses all its locks on that file
 * (POSIX), SQLite's included.
 */
function flushing(file: string): () => Promise<void> {
  const descriptor = openSync(file, "r+");
  const sync = promisify(fdatasync);
  return () => sync(descriptor);
}

function settledMessage(settled: GroupResult): FromThread {
  const { requests, woken, commitMs } = settled;
  const result = "lost" in settled ? { lost: serialize(settled.lost) } : { outcomes: settled.outcomes.map(sentFrom) };
  return { type: "group_done", requests, woken, commitMs, result };
}

function sentFrom(outcome: Outcome): SentOutcome {
  if (outcome.ok)
    return outcome.result instanceof JsonResult ? { json: outcome.result.json } : { result: outcome.result };
  const { error } = outcome;
  return error instanceof DomainError ? { refused: error.failure } : { fault: serialize(error) };
}

function settledFrom({ requests, woken, commitMs, result }: Extract<FromThread, { type: "group_done" }>): GroupResult {
  if ("lost" in result) return { requests, woken, commitMs, lost: deserialize(result.lost) };
  return { requests, woken, commitMs, outcomes: result.outcomes.map(outcomeFrom) };
}

function outcomeFrom(sent: SentOutcome): Outcome {
  if ("result" in sent) return { ok: true, result: sent.result };
  if ("json" in sent) return { ok: true, result: JSON.parse(sent.json) };
  return { ok: false, error: "refused" in sent ? new DomainError(sent.refused) : deserialize(sent.fault) };
}

const serialize = (error: unknown): SerializedError => ({
  ...describeError(error),
  codes: error instanceof Error ? Object.fromEntries(Object.entries(error).filter(([, value]) => isScalar(value))) : {},
});

const isScalar = (value: unknown) => typeof value === "string" || typeof value === "number";

function deserialize(fault: Partial<SerializedError>): Error {
  const { message, name, stack, cause, codes } = fault;
  const error = new Error(
    String(message),
    cause === undefined ? undefined : { cause: deserialize(cause as SerializedError) },
  );
  return Object.assign(error, { ...codes, name: String(name), stack: String(stack) });
}
