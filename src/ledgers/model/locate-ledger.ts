import type { UserActor } from "../../kernel/actor.ts";
import { forbidden } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { getTwin } from "../../twins/get-twin.ts";
import type { Twin } from "../../twins/rows.ts";

/** A ledger: that of an account on a twin. Every account has one on every twin, alive or not. */
export type Ledger = {
  twinId: string;
  accountId: string;
  own: boolean;
  /** Looked up when it is first asked for. Refused as not found, as the ledger then is. */
  twin: () => Twin;
};

/** What a path names: an account, or one of its aliases (specification 2.8). */
export type LedgerPath = { twin: string; ledger: string };

/**
 * The ledger that a path names. Most requests are about the caller's own, which is known without its twin: if no rule asks for the
 * twin, an entry that is found vouches for it, and where none is, `twin` has to be called.
 */
export function locateLedger(reader: Reader, actor: UserActor, path: LedgerPath): Ledger {
  let found: Twin | undefined;
  const twin = () => {
    found ??= getTwin(reader, actor, path.twin);
    return found;
  };
  const isPersonal = path.ledger === "personal" || path.ledger === actor.accountId;
  if (isPersonal && actor.rules.twin === null) {
    return { twinId: path.twin, accountId: actor.accountId, own: true, twin };
  }
  const { ownerId, creatorId } = twin();
  const aliases: Record<string, string> = { personal: actor.accountId, owner: ownerId, creator: creatorId };
  const accountId = aliases[path.ledger] ?? path.ledger;
  return { twinId: path.twin, accountId, own: accountId === actor.accountId, twin };
}

/** A ledger to write to, which only the caller's own is. */
export function locateOwnLedger(reader: Reader, actor: UserActor, path: LedgerPath): Ledger {
  const ledger = locateLedger(reader, actor, path);
  if (!ledger.own) throw forbidden("Only the Ledger of the user's own account can be written.");
  return ledger;
}
