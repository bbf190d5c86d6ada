import type { UserActor } from "../kernel/actor.ts";
import { mayTouchIdentity, mayTouchTwin } from "../policy/verdicts.ts";
import type { Reader } from "../store/sql.ts";
import { findTwin, type Twin } from "../twins/rows.ts";
import { isExpired } from "./get-twin-identity.ts";
import { listIdentitiesByName } from "./rows.ts";

/** Identities of one name that a call looks at: the same outside name on more twins than this is a mistake, not a name. */
const EXAMINED_MAX = 1000;

/** Whose identities are meant: the caller's account's, everybody's, or those of these accounts. */
export type Context = "personal" | "system" | string[];

/**
 * Twins that a name leads to, each once, oldest name first: through the caller's own identities, and through those of others that are
 * visible to the caller. `visibleTwins` leaves out twins that the role keeps from the caller. Expired names lead nowhere.
 */
export function resolveTwinIdentity(
  reader: Reader,
  actor: UserActor,
  name: string,
  { context, visibleTwins }: { context: Context; visibleTwins: boolean },
): Twin[] {
  const accountIds = context === "system" ? "all" : context === "personal" ? [actor.accountId] : context;
  const twins = new Map<string, Twin>();
  for (const identity of listIdentitiesByName(reader, name, accountIds, EXAMINED_MAX)) {
    if (twins.has(identity.twinId) || isExpired(identity, reader.now)) continue;
    const twin = findTwin(reader, identity.twinId);
    if (!twin || !mayTouchIdentity(reader, actor, twin, identity)) continue;
    if (visibleTwins && !mayTouchTwin(reader, actor, twin)) continue;
    twins.set(twin.id, twin);
  }
  return [...twins.values()];
}
