import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sql.ts";
import { type Context, creatorsOf } from "./get-stickers.ts";
import { listAddressed, type Sticker } from "./rows.ts";

type Filter = {
  color?: string | undefined;
  context: Context;
  ge?: number | undefined;
  le?: number | undefined;
  limit: number;
  offset: number;
};

/** The stickers on all twins that the caller, their role or their account is a recipient of, newest first. Role rules are not asked. */
export function listStickers(reader: Reader, actor: UserActor, filter: Filter): Sticker[] {
  const { color, context, ge = 0, le = Number.MAX_SAFE_INTEGER, limit, offset } = filter;
  const range = { creators: creatorsOf(actor, context), color, from: ge, to: le };
  return listAddressed(reader, actor, range, { limit, offset });
}
