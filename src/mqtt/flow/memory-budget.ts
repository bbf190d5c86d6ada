/**
 * Kinds of memory taken for devices. The first three last as long as a session or connection; the others come and go.
 */
export const MEMORY_KINDS = ["sessions", "subscriptions", "aliases", "queued", "sending", "unread"] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

/**
 * An account below 1/32 of the total is refused only when all memory is taken, so other accounts' floods do not
 * affect it.
 */
const FLOOR_PART = 32;
/** Only accounts below the floor get the last quarter. */
const OPEN_PART = 3 / 4;

const isLasting = (kind: MemoryKind) => kind === "sessions" || kind === "subscriptions" || kind === "aliases";

/**
 * The memory of MQTT: a total for the process, and a limit for each account. An account may take as much as it leaves
 * free, so some is left however many accounts take their maximum. It may take half of that for lasting kinds, so there
 * is always room for messages.
 */
export class MemoryBudget {
  readonly bytesMax: number;
  readonly #accounts = new Map<string, AccountMemory>();
  readonly #taken = new Map<MemoryKind, number>(MEMORY_KINDS.map((kind) => [kind, 0]));
  #total = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  of(account: string): AccountMemory {
    let memory = this.#accounts.get(account);
    if (!memory) {
      memory = new AccountMemory(this);
      this.#accounts.set(account, memory);
    }
    return memory;
  }

  /** Forgets an account that has nothing. */
  forget(account: string): void {
    if (this.#accounts.get(account)?.bytes === 0) this.#accounts.delete(account);
  }

  /** The number of accounts that are kept. */
  get remembered(): number {
    return this.#accounts.size;
  }

  get total(): number {
    return this.#total;
  }

  taken(kind: MemoryKind): number {
    return this.#taken.get(kind) as number;
  }

  /** Whether an account that holds `own` bytes, of which `lasting` are of lasting kinds, may take `bytes` more. */
  admits(kind: MemoryKind, bytes: number, { own, lasting }: { own: number; lasting: number }): boolean {
    const after = this.#total + bytes;
    if (own + bytes <= this.bytesMax / FLOOR_PART) return after <= this.bytesMax;
    const free = this.bytesMax * OPEN_PART - after;
    return isLasting(kind) ? lasting + bytes <= free / 2 : own + bytes <= free;
  }

  /** Only for `AccountMemory`. */
  count(kind: MemoryKind, bytes: number): void {
    this.#total += bytes;
    this.#taken.set(kind, this.taken(kind) + bytes);
  }
}

/** One account's part of the budget. */
export class AccountMemory {
  readonly #budget: MemoryBudget;
  #own = 0;
  #lasting = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#own;
  }

  hasRoom(kind: MemoryKind, bytes: number): boolean {
    return this.#budget.admits(kind, bytes, { own: this.#own, lasting: this.#lasting });
  }

  /** Returns false if there is no room. */
  take(kind: MemoryKind, bytes: number): boolean {
    if (!this.hasRoom(kind, bytes)) return false;
    this.add(kind, bytes);
    return true;
  }

  /** Counts bytes without a limit; a negative number releases them. */
  add(kind: MemoryKind, bytes: number): void {
    if (bytes === 0) return;
    this.#own += bytes;
    if (isLasting(kind)) this.#lasting += bytes;
    this.#budget.count(kind, bytes);
  }
}
