import { Crowds } from "./crowds.ts";

/** Of all places, those that connections may have that have not proved whose they are. */
const STRANGERS_PART = 1 / 4;
/** An account that has fewer connections than this is let in while there is any place. */
const ACCOUNT_FLOOR = 16;

/** A connection's place, which it takes before anything is known of it. */
export type Place = {
  readonly origin: string;
  /** It has said who it is, which is being looked up: it is not ended for another one any more. */
  spoke(): void;
  /** It is this account's. False if that has as many connections as it may. */
  identified(accountId: string): boolean;
  leave(): void;
};

/**
 * The places of connections. Strangers, who have not proved whose they are, have a part of them; where that is full, the one of them
 * that has been silent for longest makes room, of the address that has most. So one that says at once who it is gets in, however many
 * stay silent. An account may have as many as it leaves free for others.
 */
export class Places {
  readonly #max: number;
  readonly #roomMax: number;
  readonly #strangersMax: number;
  #inside = 0;
  #strangers = 0;
  readonly #silent = new Crowds();
  readonly #byAccount = new Map<string, number>();

  /** `roomMax` is how many there can be, where that is less than there may be. */
  constructor(max: number, roomMax = max) {
    this.#max = max;
    this.#roomMax = Math.min(max, roomMax);
    this.#strangersMax = Math.max(1, Math.ceil(this.#roomMax * STRANGERS_PART));
  }

  get strangers(): number {
    return this.#strangers;
  }

  /** A place for a connection of this address; undefined if there is none. `evict` is to end it, and is called when another needs the place. */
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
