import type { UserActor } from "../kernel/actor.ts";
import { forbidden } from "../kernel/failure.ts";
import type { Reader } from "../store/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import type { Twin } from "../twins/rows.ts";

/** A ledger: that of an account on a twin. Every account has one on every twin, alive or not. */
export type Ledger = { twin: Twin; accountId: string; own: boolean };

/** What a path names: an account, or one of its aliases (specification 2.8). */
export type LedgerPath = { twin: string; ledger: string };

export function locateLedger(reader: Reader, actor: UserActor, path: LedgerPath): Ledger {
  const twin = getTwin(reader, actor, path.twin);
  const aliases: Record<string, string> = { personal: actor.accountId, owner: twin.ownerId, creator: twin.creatorId };
  const accountId = aliases[path.ledger] ?? path.ledger;
  return { twin, accountId, own: accountId === actor.accountId };
}

/** A ledger to write to, which only the caller's own is. */
export function locateOwnLedger(reader: Reader, actor: UserActor, path: LedgerPath): Ledger {
  const ledger = locateLedger(reader, actor, path);
  if (!ledger.own) throw forbidden("Only the Ledger of the user's own account can be written.");
  return ledger;
}
