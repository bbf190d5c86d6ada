import type { Actor } from "../../kernel/actor.ts";
import { FairQueue, Fifo, type Owner, ownerOfCaller, type Taken } from "../../kernel/fairness/fair-queue.ts";
import type { Command } from "../sqlite/command.ts";

/** A command that waits to be run. */
export type Request = {
  id: number;
  command: Command<unknown, unknown>;
  actor: Actor;
  input: unknown;
  /** For whom it waits, if that does not follow from its actor; null for the server itself. */
  owner?: Owner | null | undefined;
};

/** Callers without credentials wait together, as if they were one account. */
const ANONYMOUS_OWNER: Owner = { account: "", member: "" };

/** For whom a command waits, null for the server itself. */
export function ownerOf({ actor, owner }: Pick<Request, "actor" | "owner">): Owner | null {
  if (owner !== undefined) return owner;
  if (actor.kind === "user" || actor.kind === "device") return ownerOfCaller(actor);
  return actor.kind === "anonymous" ? ANONYMOUS_OWNER : null;
}

const FREE_OF_CHARGE = () => {};

/**
 * Commands that wait for the writer: the server's own first, then those of accounts in turn, measured by the time that their commands took. An
 * account that writes without end leaves others their share, and a device or user of it leaves the others theirs.
 */
export class CommandQueue {
  readonly #own = new Fifo<Request>();
  readonly #accounts = new FairQueue<Request>();

  get size(): number {
    return this.#own.size + this.#accounts.size;
  }

  /** How many accounts have commands that wait. */
  get accounts(): number {
    return this.#accounts.accounts;
  }

  /** How long the next command will about take, as far as that can be told. */
  get expectedMs(): number {
    return this.#own.size > 0 ? 0 : this.#accounts.expectedMs;
  }

  add(request: Request): void {
    const owner = ownerOf(request);
    if (owner) this.#accounts.add(request, owner);
    else this.#own.push(request);
  }

  take(): Taken<Request> | undefined {
    if (this.#own.size > 0) return { item: this.#own.shift(), charge: FREE_OF_CHARGE };
    return this.#accounts.take();
  }
}
