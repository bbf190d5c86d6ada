import { z } from "zod";
import { invalid } from "./failure.ts";
import type { JsonValue } from "./json.ts";

// A cursor marks where the next page of a list begins. It is not secret and contains the list's name, but clients treat
// it as opaque.

/** One page of a list, and the cursor of the next page; null at the end. */
export type Page<Item> = { items: Item[]; cursor: string | null };

/** The page that a client asks for. Without a cursor it is the first page. */
export type PageRequest = { cursor?: string | undefined; limit: number };

const Cursor = z.tuple([z.string(), z.unknown()]);

export const encodeCursor = (list: string, place: JsonValue): string =>
  Buffer.from(JSON.stringify([list, place])).toString("base64url");

/** Decodes a cursor of this list. Refuses a cursor of another list, and a text that is no cursor. */
export function decodeCursor<Place extends z.ZodType>(list: string, place: Place, cursor: string): z.output<Place> {
  const parsed = Cursor.safeParse(jsonOf(Buffer.from(cursor, "base64url").toString()));
  const read = parsed.success && parsed.data[0] === list ? place.safeParse(parsed.data[1]) : undefined;
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

/**
 * Cuts the page from a list that was read with one item more than the limit; that item shows that there is a next page.
 */
export function pageOf<Item>(found: Item[], limit: number, cursorBehind: (item: Item) => string): Page<Item> {
  const items = found.length > limit ? found.slice(0, limit) : found;
  const last = items.at(-1);
  return { items, cursor: found.length > limit && last !== undefined ? cursorBehind(last) : null };
}
