import { Fifo } from "./fair-queue.ts";

type Waiting = { byteCount: number; enter: () => void };
type Account = { bytes: number; waiting: Fifo<Waiting> };

/**
 * Limits how many bytes are in progress at once. An account has at most its share, and never more than it leaves free,
 * so that others find room. Work without room waits, in order within its account. An account with nothing in progress
 * may start work of any size.
 */
export class ByteWindow {
  readonly #max: number;
  readonly #maxOfOne: number;
  readonly #accounts = new Map<string, Account>();
  #bytes = 0;

  constructor(max: number, maxOfOne: number) {
    this.#max = max;
    this.#maxOfOne = maxOfOne;
  }

  /** Runs the work as soon as there is room for its bytes. */
  async run<Result>(account: string, byteCount: number, work: () => Promise<Result>): Promise<Result> {
    const own = this.#accounts.get(account) ?? { bytes: 0, waiting: new Fifo<Waiting>() };
    this.#accounts.set(account, own);
    if (own.waiting.size === 0 && this.#hasRoom(own, byteCount)) this.#take(own, byteCount);
    else await new Promise<void>((enter) => own.waiting.push({ byteCount, enter }));
    try {
      return await work();
    } finally {
      this.#take(own, -byteCount);
      if (own.bytes === 0 && own.waiting.size === 0) this.#accounts.delete(account);
      this.#admit();
    }
  }

  #hasRoom({ bytes }: Account, byteCount: number): boolean {
    return bytes === 0 || bytes + byteCount <= Math.min(this.#maxOfOne, this.#max - this.#bytes - byteCount);
  }

  #take(own: Account, byteCount: number): void {
    own.bytes += byteCount;
    this.#bytes += byteCount;
  }

  /** The account that was admitted goes to the end of the line. */
  #admit(): void {
    for (const [account, own] of this.#accounts) {
      const next = own.waiting.first;
      if (!next || !this.#hasRoom(own, next.byteCount)) continue;
      own.waiting.shift();
      this.#take(own, next.byteCount);
      this.#accounts.delete(account);
      this.#accounts.set(account, own);
      next.enter();
      this.#admit();
      return;
    }
  }
}
