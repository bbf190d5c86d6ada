import type { UserActor } from "../../kernel/actor.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { cursorAt, positionOf } from "../model/cursor.ts";
import { type Delivery, type DeliveryFilter, listDeliveryRows } from "../model/delivery-rows.ts";

/** Deliveries that one call examines, however few of them pass its filters. */
const EXAMINED_MAX = 2000;

type Query = Omit<DeliveryFilter, "before" | "examined" | "limit"> & { cursor?: string | undefined; limit: number };

/**
 * The deliveries of the caller's account that pass the filters, newest first. A page ends early, with a cursor, where
 * few pass.
 */
export function listDeliveries(reader: Reader, actor: UserActor, { cursor, limit, ...filter }: Query) {
  const before = cursor ? positionOf(cursor) : Number.MAX_SAFE_INTEGER;
  const { found, last } = listDeliveryRows(reader, actor.accountId, {
    ...filter,
    before,
    // One more than asked for shows whether there is a next page.
    limit: limit + 1,
    examined: EXAMINED_MAX,
  });
  const deliveries: Delivery[] = found.slice(0, limit);
  if (found.length > limit) return { deliveries, cursor: cursorAt((deliveries.at(-1) as Delivery).position) };
  return { deliveries, cursor: last === null ? null : cursorAt(last) };
}
