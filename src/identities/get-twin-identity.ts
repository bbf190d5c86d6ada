import type { UserActor } from "../kernel/actor.ts";
import { notFound } from "../kernel/failure.ts";
import { mayAccessIdentity } from "../policy/verdicts.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import { findIdentity, type Identity } from "./rows.ts";

/** An identity of the caller's account on a twin (specification 2.7), expired or not. */
export function getTwinIdentity(reader: Reader, actor: UserActor, twinId: string, name: string): Identity {
  const twin = getTwin(reader, actor, twinId);
  const identity = findIdentity(reader, twin.id, actor.accountId, name);
  if (!identity || !mayAccessIdentity(reader, actor, twin, identity)) throw notFound("Identity", name);
  return identity;
}

export const isExpired = ({ expiresAt }: Identity, now: number) => expiresAt !== null && expiresAt <= now;
