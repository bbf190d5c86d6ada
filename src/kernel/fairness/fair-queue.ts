import type { DeviceActor, UserActor } from "../actor.ts";
import { type Share, Shares } from "./shares.ts";

/** Who owns an item: an account, and within it a member (a device, a user). */
export type Owner = { readonly account: string; readonly member: string };

/** The owner of the work that a caller asks for. */
export const ownerOfCaller = (caller: UserActor | DeviceActor): Owner => ({
  account: caller.accountId,
  member: caller.kind === "user" ? caller.userId : caller.deviceId,
});

export type TakenItem<Item> = {
  readonly item: Item;
  /** Called once the item has been served, with the milliseconds that took. */
  readonly charge: (ms: number) => void;
};

/**
 * A member is charged for at most twice its previous item plus this constant. Anything beyond is a pause of the
 * process: after a garbage collection of 5 ms, each other member of the account would be served seventy commands before
 * this member's next. Measured with 64 devices that put documents continuously: the longest wait is 44 ms with this
 * limit and 91 ms without. Accounts are charged in full.
 */
const PAUSE_MS = 0.05;

/**
 * Waiting items, each owned by a member of an account. The next item belongs to the account served least so far, and
 * within it to the member served least, measured in serving time rather than in items (start-time fair queueing). Items
 * of one member keep their order.
 */
export class FairQueue<Item> {
  readonly #accounts = new Shares<Shares<Member<Item>>>(() => new Shares(() => new Member()));
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Number of accounts with waiting items. */
  get accounts(): number {
    return this.#accounts.size;
  }

  /** Number of accounts with a record: those with waiting items, and those charged above the current level. */
  get remembered(): number {
    return this.#accounts.remembered;
  }

  /** Expected time of the next item: that of the same member's previous item. */
  get expectedMs(): number {
    return this.#accounts.first?.content.first?.content.lastMs ?? 0;
  }

  add(item: Item, { account, member }: Owner): void {
    this.#accounts.enter(account).content.enter(member).content.push(item);
    this.#size++;
  }

  /** Returns the item whose turn it is; undefined if none waits. */
  take(): TakenItem<Item> | undefined {
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

/** A queue with removal in constant time. `Array.shift` moves all remaining items. */
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

  /** Must not be called on an empty queue. */
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

/** The waiting items of one member of an account. */
class Member<Item> extends Fifo<Item> {
  /** How long its last item took. */
  lastMs = 0;
}
