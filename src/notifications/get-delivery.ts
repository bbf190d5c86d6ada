import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sql.ts";
import { type Attempt, listAttempts } from "./attempt-rows.ts";
import type { Delivery } from "./delivery-rows.ts";
import { getOwnDelivery } from "./lookups.ts";

/** A delivery of the caller's account with all attempts at it. */
export function getDelivery(reader: Reader, actor: UserActor, id: string): Delivery & { attempts: Attempt[] } {
  const delivery = getOwnDelivery(reader, actor, id);
  return { ...delivery, attempts: listAttempts(reader, delivery.position) };
}
