/** What takes memory for devices. The first three stay for as long as a session or connection does; the others come and go. */
export const MEMORY_KINDS = ["sessions", "subscriptions", "aliases", "queued", "sending", "unread"] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

/** An account that has less than this part of all is refused nothing while there is any: others' floods do not reach it. */
const FLOOR_PART = 32;
/** Only accounts below the floor get the last quarter. */
const OPEN_PART = 3 / 4;

const isLasting = (kind: MemoryKind) => kind === "sessions" || kind === "subscriptions" || kind === "aliases";

/**
 * The memory that MQTT may take: of the process, and within it of each account. An account may have as much as it leaves free for others, so
 * that however many take what they can, there is something left; of what lasts half of that, so that messages always find some.
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

  /** Forgets one that has nothing. */
  forget(account: string): void {
    if (this.#accounts.get(account)?.bytes === 0) this.#accounts.delete(account);
  }

  /** How many have been asked for and not forgotten. */
  get remembered(): number {
    return this.#accounts.size;
  }

  get total(): number {
    return this.#total;
  }

  taken(kind: MemoryKind): number {
    return this.#taken.get(kind) as number;
  }

  /** Whether an account that has `own` bytes, and `lasting` of them for long, may take so many more. */
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

/** What one account has of the budget. */
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

  /** Takes it if there is room; false if there is not. */
  take(kind: MemoryKind, bytes: number): boolean {
    if (!this.hasRoom(kind, bytes)) return false;
    this.add(kind, bytes);
    return true;
  }

  /** Counts what is there in any case, or, below zero, what is there no more. */
  add(kind: MemoryKind, bytes: number): void {
    if (bytes === 0) return;
    this.#own += bytes;
    if (isLasting(kind)) this.#lasting += bytes;
    this.#budget.count(kind, bytes);
  }
}
