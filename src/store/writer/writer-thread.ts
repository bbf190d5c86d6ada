import { fdatasync, openSync } from "node:fs";
import { promisify } from "node:util";
import type { Actor } from "../../kernel/actor.ts";
import { systemClock } from "../../kernel/clock.ts";
import { DomainError, describeError, type Failure } from "../../kernel/failure.ts";
import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import type { Log } from "../../kernel/log.ts";
import type { ThreadPort } from "../../kernel/thread-port.ts";
import type { Command } from "../sqlite/command.ts";
import { openPair } from "../sqlite/retry.ts";
import type { Topic } from "../sqlite/sql.ts";
import { type Audience, GroupCommit, type Outcome, type Settled } from "./group-commit.ts";
import type { Committer } from "./writer.ts";

/*
 * Both ends of a writer that has a thread of its own, so that whoever reads waits neither for commands nor for the disk, and two processors
 * are used. Commands go there by their place in a list that both ends have; what they take and answer is plain data. The thread sends
 * what a group came to when it is on disk, as one message.
 */

/** Everything that may be written, in an order that is the same for both ends. */
export type Commands = readonly Command<never, unknown>[];

type Sent = [id: number, command: number, actor: Actor, input: unknown, owner?: Owner | null | undefined, bulky?: true];

type ToThread =
  | { type: "open"; database: string; lastInstant: number }
  | { type: "run"; requests: Sent[] }
  | { type: "withdrawn" }
  | { type: "close"; emptyLog: boolean };

type FromThread =
  | { type: "opened"; error?: Fault }
  | { type: "settled"; requests: readonly number[]; woken: readonly Topic[]; commitMs: number | null; came: Came }
  | { type: "withdraw" }
  | { type: "moved"; outcome: { ms: number } | { fault: Fault } }
  | { type: "closed"; error?: Fault };

type Came = { outcomes: SentOutcome[] } | { lost: Fault };
type SentOutcome = { result: unknown } | { json: string } | { refused: Failure } | { fault: Fault };

/** The result of a command with a bulky input, on its way back. */
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

/** What remains of an error that is nobody's refusal: what the log wants to know of it, and the codes of the system and the driver. */
type Fault = ReturnType<typeof describeError> & { codes: object };

type Opening = { database: string; lastInstant: number; commands: Commands; log: Log };

/** Opens the database in the thread behind `port`, and answers what sends it requests. The thread ends when it has let go of the database. */
export async function openThread(
  port: ThreadPort & { end(): void },
  audience: Audience,
  opening: Opening,
): Promise<Committer> {
  const { database, lastInstant, commands, log } = opening;
  const numbers = new Map<Command<never, unknown>, number>(commands.map((command, number) => [command, number]));
  const send = (message: ToThread) => port.send(message);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  port.onMessage(async (received) => {
    const message = received as FromThread;
    if (message.type === "opened") message.error ? opened.reject(errorFrom(message.error)) : opened.resolve();
    else if (message.type === "settled") audience.settled(settledFrom(message));
    else if (message.type === "withdraw") {
      await audience.withdraw();
      send({ type: "withdrawn" });
    } else if (message.type === "moved") {
      const { outcome } = message;
      audience.moved("ms" in outcome ? outcome : { error: errorFrom(outcome.fault) });
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

/** The thread's end. */
export function serveWriter(port: ThreadPort, commands: Commands): void {
  const send = (message: FromThread) => port.send(message);
  let withdrawn: (() => void) | undefined;
  let groups: GroupCommit;
  const audience: Audience = {
    settled: (settled) => send(settledMessage(settled)),
    withdraw: () => {
      send({ type: "withdraw" });
      return new Promise<void>((done) => {
        withdrawn = done;
      });
    },
    moved: (outcome) => send({ type: "moved", outcome: "ms" in outcome ? outcome : { fault: faultOf(outcome.error) } }),
  };
  port.onMessage(async (received) => {
    const message = received as ToThread;
    if (message.type === "open") {
      try {
        groups = await open(message.database, message.lastInstant, audience);
        send({ type: "opened" });
      } catch (error) {
        send({ type: "opened", error: faultOf(error) });
      }
    } else if (message.type === "run") {
      groups.add(
        message.requests.map(([id, number, actor, input, owner, bulky]) => {
          const command = commands[number] as Command<unknown, unknown>;
          if (!bulky) return { id, command, actor, input, owner };
          return { id, command: answeringJson(command), actor, input: JSON.parse(input as string), owner };
        }),
      );
    } else if (message.type === "withdrawn") withdrawn?.();
    else {
      const error = await groups.close(message.emptyLog);
      send({ type: "closed", ...(error !== undefined && { error: faultOf(error) }) });
    }
  });
}

async function open(database: string, lastInstant: number, audience: Audience): Promise<GroupCommit> {
  const options = { clock: systemClock, lastInstant, shared: false, flush: flushing(database) };
  return new GroupCommit(await openPair(systemClock, database), audience, options);
}

/**
 * Of a file that is never closed: with any of its descriptors a process gives up all the locks that it has on a file (POSIX), and SQLite's
 * would be among them.
 */
function flushing(file: string): () => Promise<void> {
  const descriptor = openSync(file, "r+");
  const sync = promisify(fdatasync);
  return () => sync(descriptor);
}

function settledMessage(settled: Settled): FromThread {
  const { requests, woken, commitMs } = settled;
  const came = "lost" in settled ? { lost: faultOf(settled.lost) } : { outcomes: settled.outcomes.map(sentFrom) };
  return { type: "settled", requests, woken, commitMs, came };
}

function sentFrom(outcome: Outcome): SentOutcome {
  if (outcome.ok)
    return outcome.result instanceof JsonResult ? { json: outcome.result.json } : { result: outcome.result };
  const { error } = outcome;
  return error instanceof DomainError ? { refused: error.failure } : { fault: faultOf(error) };
}

function settledFrom({ requests, woken, commitMs, came }: Extract<FromThread, { type: "settled" }>): Settled {
  if ("lost" in came) return { requests, woken, commitMs, lost: errorFrom(came.lost) };
  return { requests, woken, commitMs, outcomes: came.outcomes.map(outcomeFrom) };
}

function outcomeFrom(sent: SentOutcome): Outcome {
  if ("result" in sent) return { ok: true, result: sent.result };
  if ("json" in sent) return { ok: true, result: JSON.parse(sent.json) };
  return { ok: false, error: "refused" in sent ? new DomainError(sent.refused) : errorFrom(sent.fault) };
}

const faultOf = (error: unknown): Fault => ({
  ...describeError(error),
  codes: error instanceof Error ? Object.fromEntries(Object.entries(error).filter(([, value]) => isScalar(value))) : {},
});

const isScalar = (value: unknown) => typeof value === "string" || typeof value === "number";

function errorFrom(fault: Partial<Fault>): Error {
  const { message, name, stack, cause, codes } = fault;
  const error = new Error(String(message), cause === undefined ? undefined : { cause: errorFrom(cause as Fault) });
  return Object.assign(error, { ...codes, name: String(name), stack: String(stack) });
}
