import { UNCOUNTED_BYTES } from "../limits.ts";
import type { AccountMemory, MemoryBudget, MemoryKind } from "./memory-budget.ts";

/** Kinds of which a connection's first UNCOUNTED_BYTES each are not counted. */
type Held = Extract<MemoryKind, "sending" | "unread" | "aliases">;

/** Memory of one connection. Until it is authenticated, it counts in the budget for strangers, by its address. */
export class ConnectionMemory {
  readonly #strangers: MemoryBudget;
  readonly #origin: string;
  #account: AccountMemory | undefined;
  readonly #counted: Record<Held, number> = { sending: 0, unread: 0, aliases: 0 };
  #ended = false;

  constructor(strangers: MemoryBudget, origin: string) {
    this.#strangers = strangers;
    this.#origin = origin;
  }

  /** Whether the connection may hold `bytes` of this kind in total. */
  hasRoom(kind: Held, bytes: number): boolean {
    const more = counted(bytes) - this.#counted[kind];
    return more <= 0 || this.#memory().hasRoom(kind, more);
  }

  /** Sets what the connection holds. Returns false if there is no room; the bytes are counted all the same. */
  set(kind: Held, bytes: number): boolean {
    const more = counted(bytes) - this.#counted[kind];
    if (more === 0 || this.#ended) return true;
    const memory = this.#memory();
    const isAdmitted = more < 0 || memory.hasRoom(kind, more);
    this.#add(kind, more);
    return isAdmitted;
  }

  /** Moves the connection to its account when it has authenticated. */
  moveTo(account: AccountMemory): void {
    const { unread } = this.#counted;
    this.#add("unread", -unread);
    this.#account = account;
    this.#add("unread", unread);
  }

  end(): void {
    for (const kind of ["sending", "unread", "aliases"] as const) this.#add(kind, -this.#counted[kind]);
    this.#ended = true;
  }

  #add(kind: Held, bytes: number): void {
    if (bytes === 0) return;
    this.#memory().add(kind, bytes);
    this.#counted[kind] += bytes;
    if (!this.#account) this.#strangers.forget(this.#origin);
  }

  #memory(): AccountMemory {
    return this.#account ?? this.#strangers.of(this.#origin);
  }
}

const counted = (bytes: number) => Math.max(0, bytes - UNCOUNTED_BYTES);
