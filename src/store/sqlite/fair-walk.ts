import { z } from "zod";
import type { Reader } from "./sql.ts";

/** Lists that are walked at once; the place of each stands in the cursor. */
const LISTS_MAX = 16;
/** Items that are read at once of a list: few at first, for there may be many lists. */
const READ_FIRST = 8;
const READ_NEXT = 64;

/** Things of several accounts: whose there are some, and those of one, in an order. Neither reads what is not to be seen. */
export type Lists<Item> = {
  /** At most `limit` accounts behind one, in the order of their ids. */
  readonly accounts: (reader: Reader, after: string, limit: number) => string[];
  readonly items: (reader: Reader, accountId: string, after: string, limit: number) => Item[];
  /** By which the items of an account are ordered. */
  readonly keyOf: (item: Item) => string;
};

/** Where a walk goes on: at which keys in the lists that are not at their end, and behind which account the next lists begin. */
export type WalkPlace = { after: string; at: [accountId: string, key: string][] };

const TEXT_MAX = 256;
/** What may be bound. */
const Text = z
  .string()
  .max(TEXT_MAX)
  .regex(/^\P{Cc}*$/u)
  .refine((text) => text.isWellFormed());
export const WalkPlace = z.object({ after: Text, at: z.array(z.tuple([Text, Text])).max(LISTS_MAX) });

type List<Item> = { accountId: string; key: string; read: Item[]; next: number; ended: boolean };

/**
 * Walks along what several accounts have, one item of each in turn, so that nobody hides what others have behind any number of their own. The
 * caller's own list comes first. It goes on where another one stopped, and what it has not looked at costs nothing.
 */
export class FairWalk<Item> {
  readonly #lists: Lists<Item>;
  readonly #ownId: string;
  #after: string;
  #open: List<Item>[];
  #turn = 0;
  #ended = false;

  constructor(lists: Lists<Item>, ownId: string, place: WalkPlace = { after: "", at: [[ownId, ""]] }) {
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

  /** Where to go on behind the last item; null if there is nothing. */
  place(reader: Reader): WalkPlace | null {
    // Whose turn it is goes first in the next page too.
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
