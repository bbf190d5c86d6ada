import { z } from "zod";
import type { Reader } from "./sql.ts";

/** Lists walked in parallel; the cursor holds the position in each. */
const LISTS_MAX = 16;
/** Items read from a list at a time: few at first, because there may be many lists. */
const READ_FIRST = 8;
const READ_NEXT = 64;

/**
 * The two queries of a walk: `accounts` returns the accounts that have items, `items` returns one account's items in
 * order. Both leave out items that the caller may not see.
 */
export type AccountLists<Item> = {
  /** At most `limit` accounts after `after`, ordered by id. */
  readonly accounts: (reader: Reader, after: string, limit: number) => string[];
  readonly items: (reader: Reader, accountId: string, after: string, limit: number) => Item[];
  /** The key by which the items of an account are ordered. */
  readonly keyOf: (item: Item) => string;
};

/**
 * Where a walk continues: the key reached in each unfinished list, and the account after which the next lists begin.
 */
export type WalkCursor = { after: string; at: [accountId: string, key: string][] };

const TEXT_MAX = 256;
/** Text that can be bound. */
const Text = z
  .string()
  .max(TEXT_MAX)
  .regex(/^\P{Cc}*$/u)
  .refine((text) => text.isWellFormed());
export const WalkCursor = z.object({ after: Text, at: z.array(z.tuple([Text, Text])).max(LISTS_MAX) });

type List<Item> = { accountId: string; key: string; read: Item[]; next: number; ended: boolean };

/**
 * Walks through the items of several accounts, one of each in turn, so that an account with many items does not hide
 * those of others. The caller's own list comes first. A walk continues from a place returned before, and reads no items
 * beyond those it returns and a small look-ahead.
 */
export class FairWalk<Item> {
  readonly #lists: AccountLists<Item>;
  readonly #ownId: string;
  #after: string;
  #open: List<Item>[];
  #turn = 0;
  #ended = false;

  constructor(lists: AccountLists<Item>, ownId: string, place: WalkCursor = { after: "", at: [[ownId, ""]] }) {
    this.#lists = lists;
    this.#ownId = ownId;
    this.#after = place.after;
    this.#open = place.at.map(([accountId, key]) => ({ accountId, key, read: [], next: 0, ended: false }));
  }

  /** The next item; undefined at the end of all lists. */
  next(reader: Reader): Item | undefined {
    while (!this.#ended) {
      const list = this.#open[this.#turn];
      if (!list) this.#openNext(reader);
      else {
        const item = this.#take(reader, list);
        if (item !== undefined) {
          this.#turn = (this.#turn + 1) % this.#open.length;
          return item;
        }
        this.#open.splice(this.#turn, 1);
        if (this.#turn >= this.#open.length) this.#turn = 0;
      }
    }
    return undefined;
  }

  /** Where to continue after the last item; null at the end of all lists. */
  place(reader: Reader): WalkCursor | null {
    // The next page also begins with the account whose turn it is.
    const inTurn = [...this.#open.slice(this.#turn), ...this.#open.slice(0, this.#turn)];
    this.#open = inTurn.filter((list) => this.#hasNext(reader, list));
    this.#turn = 0;
    while (this.#open.length === 0 && !this.#ended) this.#openNext(reader);
    if (this.#ended) return null;
    return { after: this.#after, at: this.#open.map(({ accountId, key }) => [accountId, key]) };
  }

  #take(reader: Reader, list: List<Item>): Item | undefined {
    if (!this.#hasNext(reader, list)) return undefined;
    const item = list.read[list.next++] as Item;
    list.key = this.#lists.keyOf(item);
    return item;
  }

  #hasNext(reader: Reader, list: List<Item>): boolean {
    if (list.next < list.read.length) return true;
    if (list.ended) return false;
    const limit = list.read.length === 0 ? READ_FIRST : READ_NEXT;
    list.read = this.#lists.items(reader, list.accountId, list.key, limit);
    list.next = 0;
    list.ended = list.read.length < limit;
    return list.read.length > 0;
  }

  #openNext(reader: Reader): void {
    const found = this.#lists.accounts(reader, this.#after, LISTS_MAX);
    this.#after = found.at(-1) ?? this.#after;
    this.#turn = 0;
    this.#ended = found.length === 0;
    this.#open = found
      .filter((accountId) => accountId !== this.#ownId)
      .map((accountId) => ({ accountId, key: "", read: [], next: 0, ended: false }));
  }
}
