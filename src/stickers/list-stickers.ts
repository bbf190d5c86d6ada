import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sql.ts";
import { listAddressed, type Sticker } from "./rows.ts";

type Filter = {
  color?: string | undefined;
  /** Whose stickers are meant: the caller's account's, everybody's, or those of one account. */
  context: string;
  ge?: number | undefined;
  le?: number | undefined;
  limit: number;
  offset: number;
};

/** The stickers on all twins that the caller, their role or their account is a recipient of, newest first. Role rules are not asked. */
export function listStickers(reader: Reader, actor: UserActor, filter: Filter): Sticker[] {
  const { color, context, ge = 0, le = Number.MAX_SAFE_INTEGER, limit, offset } = filter;
  const creator = context === "system" ? "all" : context === "personal" ? actor.accountId : context;
  const range = { creator, color, from: ge, to: le };
  return listAddressed(reader, actor, range, { limit, offset });
}
