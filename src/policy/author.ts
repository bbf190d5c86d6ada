import { findActor } from "../access/model/credential-rows.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sqlite/sql.ts";

/** Who set a rule, or an include: the user, if that is known, and whether a rule of their role bound them then. */
export type Author = { by?: string; bound?: true };

export const UNKNOWN_AUTHOR: Author = {};

export const authorOf = ({ userId, rules }: UserActor): Author =>
  rules.twin === null && rules.identity === null && rules.entry === null ? { by: userId } : { by: userId, bound: true };

/**
 * With whose rights something is asked that an author has set. As the author stands now; once the user or the role is gone, `former`
 * who decided of a thing of the own account whatever its value, and `nobody` who could decide only within a rule that nobody can ask any more.
 */
export type Standing = UserActor | "former" | "nobody";

const standings = new WeakMap<Reader, Map<string, UserActor | undefined>>();

/** Looked up once a read or command. A caller who is the author stands as they come, with the header and the token that they bring. */
export function standingOf(reader: Reader, { by, bound }: Author, caller?: UserActor): Standing {
  const actor = by === undefined ? undefined : by === caller?.userId ? caller : lookUp(reader, by);
  return actor?.statement ? actor : bound ? "nobody" : "former";
}

function lookUp(reader: Reader, userId: string): UserActor | undefined {
  const known = standings.get(reader) ?? new Map<string, UserActor | undefined>();
  standings.set(reader, known);
  if (!known.has(userId)) known.set(userId, findActor(reader, userId));
  return known.get(userId);
}
