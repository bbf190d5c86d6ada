import { z } from "zod";
import type { UserActor } from "../../kernel/actor.ts";
import { decodeCursor, encodeCursor, pageOf } from "../../kernel/cursor.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type Attempt, listAttempts } from "../model/attempt-rows.ts";
import type { Delivery } from "../model/delivery-rows.ts";
import { getOwnDelivery } from "../model/lookups.ts";

/** More than a schedule has; a delivery that is retried by hand may have any number. */
const ATTEMPTS_MAX = 100;

/** A delivery of the caller's account with its attempts, in pages. */
export function getDelivery(
  reader: Reader,
  actor: UserActor,
  id: string,
  cursor?: string,
): { delivery: Delivery & { attempts: Attempt[] }; cursor: string | null } {
  const delivery = getOwnDelivery(reader, actor, id);
  const after = cursor ? decodeCursor("attempts", z.int().nonnegative(), cursor) : 0;
  const found = listAttempts(reader, delivery.position, after, ATTEMPTS_MAX + 1);
  const page = pageOf(found, ATTEMPTS_MAX, ({ number }) => encodeCursor("attempts", number));
  return { delivery: { ...delivery, attempts: page.items }, cursor: page.cursor };
}
