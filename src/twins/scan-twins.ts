import type { UserActor } from "../kernel/actor.ts";
import { invalid } from "../kernel/failure.ts";
import { Uuid } from "../kernel/schema.ts";
import type { Reader } from "../store/sql.ts";
import { findTwinPosition, listDescriptionSizes, listTwinIds, listTwins, type Twin } from "./rows.ts";

type Page<Item> = { items: Item[]; cursor: string | null };
type Scan = { cursor?: string | undefined; count: number };

/** Ids of the twins that the caller's account owns, terminated ones too, in the order of creation. */
export const scanTwinIds = (reader: Reader, actor: UserActor, scan: Scan): Page<string> =>
  page(reader, actor, scan, listTwinIds, (id) => id);

/** Bytes of descriptions on one page, after which it ends early: a page is made, and sent, in one go. */
const PAGE_BYTES_MAX = 1024 * 1024;

/** The twins themselves, likewise; fewer of large ones, with a cursor to the next. */
export function scanTwins(reader: Reader, actor: UserActor, scan: Scan): Page<Twin> {
  const after = scan.cursor ? positionOf(reader, actor, scan.cursor) : 0;
  const sizes = listDescriptionSizes(reader, actor.accountId, after, scan.count);
  let fitting = 0;
  for (let bytes = 0; fitting < sizes.length; fitting++) {
    bytes += sizes[fitting] as number;
    if (bytes > PAGE_BYTES_MAX && fitting > 0) break;
  }
  return page(reader, actor, { ...scan, count: Math.max(1, fitting) }, listTwins, (twin) => twin.id);
}

function page<Item>(
  reader: Reader,
  actor: UserActor,
  { cursor, count }: Scan,
  list: (reader: Reader, ownerId: string, after: number, limit: number) => Item[],
  idOf: (item: Item) => string,
): Page<Item> {
  const after = cursor ? positionOf(reader, actor, cursor) : 0;
  // One more than asked for tells whether there is a next page.
  const items = list(reader, actor.accountId, after, count + 1);
  if (items.length <= count) return { items, cursor: null };
  items.pop();
  return { items, cursor: Buffer.from(idOf(items[count - 1] as Item)).toString("base64") };
}

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
