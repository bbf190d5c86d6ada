import { Crowds } from "./crowds.ts";

/** The share of places for strangers: connections that have not been identified. */
const STRANGERS_PART = 1 / 4;
/** An account with fewer connections than this is admitted while any place is free. */
const ACCOUNT_FLOOR = 16;

/** A connection's place, taken before anything is known of the connection. */
export type Place = {
  readonly origin: string;
  /** Must be called when the connection has sent its credentials: from then on it cannot be evicted. */
  spoke(): void;
  /** Assigns the connection to its account. Returns false if the account has reached its limit. */
  identified(accountId: string): boolean;
  leave(): void;
};

/**
 * The places of connections. Strangers, which are not identified yet, have a share of them. When it is full, a stranger
 * that has sent nothing is evicted: of the address that has most, the one that has been silent longest. So a client
 * that sends its credentials at once is admitted, however many stay silent. An account may have as many connections as
 * it leaves free for others.
 */
export class Places {
  readonly #max: number;
  readonly #roomMax: number;
  readonly #strangersMax: number;
  #inside = 0;
  #strangers = 0;
  readonly #silent = new Crowds();
  readonly #byAccount = new Map<string, number>();

  /** `roomMax` is how many connections are possible, if that is fewer than `max` allows. */
  constructor(max: number, roomMax = max) {
    this.#max = max;
    this.#roomMax = Math.min(max, roomMax);
    this.#strangersMax = Math.max(1, Math.ceil(this.#roomMax * STRANGERS_PART));
  }

  get strangers(): number {
    return this.#strangers;
  }

  /**
   * A place for a connection from this address; undefined if none is free. `evict` must close the connection; it is
   * called when another needs the place.
   */
  enter(origin: string, evict: () => void): Place | undefined {
    if (this.#strangers >= this.#strangersMax || this.#inside >= this.#roomMax) {
      const silent = this.#silent.takeOldestOfLargest();
      if (!silent) return undefined;
      silent();
    }
    return this.#placeFor(origin, evict);
  }

  #placeFor(origin: string, evict: () => void): Place {
    let state: "silent" | "spoke" | "known" | "left" = "silent";
    let account: string | undefined;
    this.#inside++;
    this.#strangers++;
    const evicted = () => {
      place.leave();
      evict();
    };
    const place: Place = {
      origin,
      spoke: () => {
        if (state !== "silent") return;
        state = "spoke";
        this.#silent.delete(origin, evicted);
      },
      identified: (accountId) => {
        if (state === "known" || state === "left") return state === "known";
        const own = this.#byAccount.get(accountId) ?? 0;
        if (own >= ACCOUNT_FLOOR && own >= this.#max - (this.#inside - this.#strangers)) return false;
        place.spoke();
        state = "known";
        this.#strangers--;
        account = accountId;
        this.#byAccount.set(accountId, own + 1);
        return true;
      },
      leave: () => {
        if (state === "left") return;
        if (state === "silent") this.#silent.delete(origin, evicted);
        if (state !== "known") this.#strangers--;
        state = "left";
        this.#inside--;
        if (account !== undefined) this.#release(account);
      },
    };
    this.#silent.add(origin, evicted);
    return place;
  }

  #release(account: string): void {
    const left = (this.#byAccount.get(account) as number) - 1;
    if (left > 0) this.#byAccount.set(account, left);
    else this.#byAccount.delete(account);
  }
}
