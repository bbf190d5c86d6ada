import type { DeviceActor, UserActor } from "../actor.ts";
import { type Share, Shares } from "./shares.ts";

/** Whose an item is: an account's, and within it a member's (a device, a user). */
export type Owner = { readonly account: string; readonly member: string };

/** For whom the work waits that a caller asks for. */
export const ownerOfCaller = (caller: UserActor | DeviceActor): Owner => ({
  account: caller.accountId,
  member: caller.kind === "user" ? caller.userId : caller.deviceId,
});

export type Taken<Item> = {
  readonly item: Item;
  /** To be called when the item was served, with what serving it took, in milliseconds. */
  readonly charge: (ms: number) => void;
};

/**
 * A member is charged for at most twice what its item before took, and so many milliseconds. What an item takes beyond is a pause of the process: a
 * garbage collection of 5 ms would have each other member of the account served seventy commands before the next of that one. Measured with 64 devices
 * that put documents without end: the longest wait is 44 ms with it and 91 without. Accounts are charged for all that they took.
 */
const PAUSE_MS = 0.05;

/**
 * Items that wait, each for a member of an account. The next one is of the account that was served least so far, and within it of the member
 * that was served least: measured by the time that serving took, not by the number of items (start-time fair queueing). Items of one
 * member keep their order.
 */
export class FairQueue<Item> {
  readonly #accounts = new Shares<Shares<Member<Item>>>(() => new Shares(() => new Member()));
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many accounts have items that wait. */
  get accounts(): number {
    return this.#accounts.size;
  }

  /** How many accounts are remembered, for whom something waits or who owe something. */
  get remembered(): number {
    return this.#accounts.remembered;
  }

  /** How long the next item will about take: as long as the one of its member before it. */
  get expectedMs(): number {
    return this.#accounts.first?.content.first?.content.lastMs ?? 0;
  }

  add(item: Item, { account, member }: Owner): void {
    this.#accounts.enter(account).content.enter(member).content.push(item);
    this.#size++;
  }

  /** Returns the item whose turn it is; undefined if none waits. */
  take(): Taken<Item> | undefined {
    const account = this.#accounts.least();
    if (!account) return undefined;
    const members = account.content;
    const member = members.least() as Share<Member<Item>>;
    const item = member.content.shift();
    this.#size--;
    if (member.content.size === 0) members.leave(member);
    if (members.size === 0) this.#accounts.leave(account);
    return {
      item,
      charge: (ms) => {
        members.charge(member, Math.min(ms, 2 * member.content.lastMs + PAUSE_MS));
        member.content.lastMs = ms;
        this.#accounts.charge(account, ms);
      },
    };
  }
}

/** A queue whose removals take constant time; an array moves all that is behind. */
export class Fifo<Item> {
  #items: Item[] = [];
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  get first(): Item | undefined {
    return this.#items[this.#first];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Only of a queue that is not empty. */
  shift(): Item {
    const item = this.#items[this.#first] as Item;
    this.#items[this.#first++] = undefined as Item;
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}

/** What waits for one member of an account. */
class Member<Item> extends Fifo<Item> {
  /** How long its newest item took that was served. */
  lastMs = 0;
}
