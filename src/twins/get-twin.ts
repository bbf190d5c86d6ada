import type { UserActor } from "../kernel/actor.ts";
import { conflict, forbidden, notFound } from "../kernel/failure.ts";
import { mayAccessTwin } from "../policy/verdicts.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { findTwin, type Twin } from "./rows.ts";

/**
 * A twin of any account: every caller who knows its id may read its description, unless a rule of their role hides it
 * (specification 1.11, 2.6).
 */
export function getTwin(reader: Reader, actor: UserActor, id: string, showTerminated = true): Twin {
  const twin = findTwin(reader, id);
  if (!twin || (twin.termination && !showTerminated) || !mayAccessTwin(reader, actor, twin)) throw notFound("Twin", id);
  return twin;
}

/**
 * A twin that the caller's account owns. The existence of another account's twin is no secret, so it is `forbidden`,
 * not absent.
 */
export function getOwnTwin(reader: Reader, actor: UserActor, id: string): Twin {
  const twin = getTwin(reader, actor, id);
  if (twin.ownerId !== actor.accountId) throw forbidden("Only the account that owns a Twin may change it.");
  return twin;
}

export function assertAlive(twin: Twin): void {
  if (twin.termination) throw conflict("precondition", "The Twin is terminated.");
}
