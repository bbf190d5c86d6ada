import { z } from "zod";
import { invalid } from "./failure.ts";
import type { JsonValue } from "./json.ts";

// A cursor says where the next page of a list begins. It is no secret, and names its list; clients treat it as opaque all the same.

/** What is there of a list from some place on, and the cursor to what comes behind it; null at the end. */
export type Page<Item> = { items: Item[]; cursor: string | null };

/** What a list is asked for: no cursor is its beginning. */
export type PageWish = { cursor?: string | undefined; limit: number };

const Cursor = z.tuple([z.string(), z.unknown()]);

export const cursorTo = (list: string, place: JsonValue): string =>
  Buffer.from(JSON.stringify([list, place])).toString("base64url");

/** The place that a cursor of this list leads to. Refuses what no list has answered, and what another one has. */
export function placeOf<Place extends z.ZodType>(list: string, place: Place, cursor: string): z.output<Place> {
  const said = Cursor.safeParse(jsonOf(Buffer.from(cursor, "base64url").toString()));
  const read = said.success && said.data[0] === list ? place.safeParse(said.data[1]) : undefined;
  if (read?.success) return read.data;
  throw invalid("parameter", "The cursor is not one that this list answered.", [
    { path: "cursor", message: "unknown" },
  ]);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Cuts the page from a list that was asked for one item more, which tells whether there is a next page. */
export function pageOf<Item>(found: Item[], limit: number, cursorBehind: (item: Item) => string): Page<Item> {
  const items = found.length > limit ? found.slice(0, limit) : found;
  const last = items.at(-1);
  return { items, cursor: found.length > limit && last !== undefined ? cursorBehind(last) : null };
}
