import { findActor } from "../access/model/credential-rows.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sqlite/sql.ts";

/** Who set a rule or an include: the user, if known, and whether a rule of their role bound them at that time. */
export type Author = { by?: string; bound?: true };

export const UNKNOWN_AUTHOR: Author = {};

export const authorOf = ({ userId, rules }: UserActor): Author =>
  rules.twin === null && rules.identity === null && rules.entry === null ? { by: userId } : { by: userId, bound: true };

/**
 * The rights with which an author's rule is evaluated: the author's current ones. Once the user or the role is gone,
 * `former` stands for an author without rules, who could decide on all values of their account, and `none` for one
 * whose role had rules, which cannot be evaluated any more.
 */
export type AuthorRights = UserActor | "former" | "none";

const standings = new WeakMap<Reader, Map<string, UserActor | undefined>>();

/**
 * Looked up once per read or command. If the caller is the author, the caller's own actor is used, with its header and
 * token.
 */
export function authorRights(reader: Reader, { by, bound }: Author, caller?: UserActor): AuthorRights {
  const actor = by === undefined ? undefined : by === caller?.userId ? caller : lookUp(reader, by);
  return actor?.statement ? actor : bound ? "none" : "former";
}

function lookUp(reader: Reader, userId: string): UserActor | undefined {
  const known = standings.get(reader) ?? new Map<string, UserActor | undefined>();
  standings.set(reader, known);
  if (!known.has(userId)) known.set(userId, findActor(reader, userId));
  return known.get(userId);
}
