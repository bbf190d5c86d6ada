import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import { listAddressedOnTwin, type Sticker } from "./rows.ts";

/** Whose stickers are meant: the caller's account's, everybody's, or those of these accounts. */
export type Context = "personal" | "system" | string[];

export const creatorsOf = (actor: UserActor, context: Context): readonly string[] | "all" =>
  context === "system" ? "all" : context === "personal" ? [actor.accountId] : context;

/** The stickers of a twin that the caller, their role or their account is a recipient of. */
export function getStickers(reader: Reader, actor: UserActor, twinId: string, context: Context): Sticker[] {
  const twin = getTwin(reader, actor, twinId);
  return listAddressedOnTwin(reader, actor, { twinId: twin.id, creators: creatorsOf(actor, context) });
}
