import type { UserActor } from "../kernel/actor.ts";
import { forbidden, notFound } from "../kernel/failure.ts";
import { mayTouchIdentity } from "../policy/verdicts.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import type { Twin } from "../twins/rows.ts";
import { findIdentity, type Identity } from "./rows.ts";

/** An identity of the caller's account on a twin (specification 2.7), expired or not. */
export function getTwinIdentity(reader: Reader, actor: UserActor, twinId: string, name: string): Identity {
  const twin = getTwin(reader, actor, twinId);
  const identity = findIdentity(reader, twin.id, actor.accountId, name);
  if (!identity || !mayTouchIdentity(reader, actor, twin, identity)) throw notFound("Identity", name);
  return identity;
}

/** Refuses a change that would hide the identity from the caller by a rule of their own role. */
export function assertWithinRule(reader: Reader, actor: UserActor, twin: Twin, identity: Identity): void {
  if (!mayTouchIdentity(reader, actor, twin, identity)) {
    throw forbidden("The identity rule of the role does not permit such an Identity.");
  }
}

export const isExpired = ({ expiresAt }: Identity, now: number) => expiresAt !== null && expiresAt <= now;
