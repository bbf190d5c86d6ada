import type { Actor } from "../../kernel/actor.ts";
import { FairQueue, Fifo, type Owner, ownerOfCaller, type TakenItem } from "../../kernel/fairness/fair-queue.ts";
import type { Command } from "../sqlite/command.ts";

/** A command waiting to be run. */
export type Request = {
  id: number;
  command: Command<unknown, unknown>;
  actor: Actor;
  input: unknown;
  /** The owner it queues under, if that does not follow from its actor; null for the server itself. */
  owner?: Owner | null | undefined;
};

/** Callers without credentials queue together, like one account. */
const ANONYMOUS_OWNER: Owner = { account: "", member: "" };

/** The owner a command queues under; null for the server itself. */
export function ownerOf({ actor, owner }: Pick<Request, "actor" | "owner">): Owner | null {
  if (owner !== undefined) return owner;
  if (actor.kind === "user" || actor.kind === "device") return ownerOfCaller(actor);
  return actor.kind === "anonymous" ? ANONYMOUS_OWNER : null;
}

const FREE_OF_CHARGE = () => {};

/**
 * Commands waiting for the writer: the server's own first, then those of accounts in turn, measured by the time their
 * commands took. An account that writes continuously leaves other accounts their share, and within it a device or user
 * leaves the others theirs.
 */
export class CommandQueue {
  readonly #own = new Fifo<Request>();
  readonly #accounts = new FairQueue<Request>();

  get size(): number {
    return this.#own.size + this.#accounts.size;
  }

  /** Number of accounts with waiting commands. */
  get accounts(): number {
    return this.#accounts.accounts;
  }

  /** Expected time of the next command, as far as it is known. */
  get expectedMs(): number {
    return this.#own.size > 0 ? 0 : this.#accounts.expectedMs;
  }

  add(request: Request): void {
    const owner = ownerOf(request);
    if (owner) this.#accounts.add(request, owner);
    else this.#own.push(request);
  }

  take(): TakenItem<Request> | undefined {
    if (this.#own.size > 0) return { item: this.#own.shift(), charge: FREE_OF_CHARGE };
    return this.#accounts.take();
  }
}
