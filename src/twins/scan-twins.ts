import type { UserActor } from "../kernel/actor.ts";
import { invalid } from "../kernel/failure.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { Uuid } from "../kernel/schema.ts";
import type { Reader } from "../store/sql.ts";
import { findTwinPosition, listDescriptionSizes, listTwinIds, listTwins, type Twin } from "./rows.ts";

type Page<Twins> = { twins: Twins; cursor: string | null };
type Scan = { cursor?: string | undefined; count: number };

/** What an id takes in a JSON array: 36 characters, quotes, and a comma or bracket. */
const ID_JSON_CHARS = 39;

/** Ids of the twins that the caller's account owns, terminated ones too, in the order of creation. */
export function scanTwinIds(reader: Reader, actor: UserActor, { cursor, count }: Scan): Page<JsonText> {
  const after = cursor ? positionOf(reader, actor, cursor) : 0;
  // One more than asked for tells whether there is a next page.
  const ids = listTwinIds(reader, actor.accountId, after, count + 1);
  const end = count * ID_JSON_CHARS;
  if (ids.length <= end + 1) return { twins: ids, cursor: null };
  return { twins: `${ids.slice(0, end)}]` as JsonText, cursor: cursorAfter(ids.slice(end - 37, end - 1)) };
}

/** Bytes of descriptions on one page, after which it ends early: a page is made, and sent, in one go. */
const PAGE_BYTES_MAX = 1024 * 1024;

/** The twins themselves, likewise; fewer of large ones, with a cursor to the next. */
export function scanTwins(reader: Reader, actor: UserActor, { cursor, count }: Scan): Page<Twin[]> {
  const after = cursor ? positionOf(reader, actor, cursor) : 0;
  const sizes = listDescriptionSizes(reader, actor.accountId, after, count + 1);
  let fitting = 0;
  for (let bytes = 0; fitting < Math.min(count, sizes.length); fitting++) {
    bytes += sizes[fitting] as number;
    if (bytes > PAGE_BYTES_MAX && fitting > 0) break;
  }
  const twins = listTwins(reader, actor.accountId, after, fitting);
  return { twins, cursor: fitting < sizes.length ? cursorAfter((twins.at(-1) as Twin).id) : null };
}

const cursorAfter = (id: string) => Buffer.from(id).toString("base64");

/** A cursor is the id of the last twin of the page before; only the owner's own lead anywhere. */
function positionOf(reader: Reader, actor: UserActor, cursor: string): number {
  const { data: id } = Uuid.safeParse(Buffer.from(cursor, "base64").toString());
  const position = id === undefined ? undefined : findTwinPosition(reader, actor.accountId, id);
  if (position === undefined) {
    throw invalid("parameter", "The cursor is not one that this scan answered.", [
      { path: "cursor", message: "unknown" },
    ]);
  }
  return position;
}
