import type { UserActor } from "../../kernel/actor.ts";
import { forbidden } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { getTwin } from "../../twins/get-twin.ts";
import type { Twin } from "../../twins/rows.ts";

/** The ledger of an account on a twin. Every account has one on every twin, active or terminated. */
export type Ledger = {
  twinId: string;
  accountId: string;
  own: boolean;
  /** Looks the twin up on the first call. Refused as not found, as the ledger then is. */
  twin: () => Twin;
};

/** A path names an account or one of its aliases (specification 2.8). */
export type LedgerPath = { twin: string; ledger: string };

/**
 * The ledger that a path names. Most requests are for the caller's own, which is located without reading the twin. If
 * no rule needs the twin, an entry found proves that it exists; if none is found, `twin` has to be called.
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

/** A ledger to write to: only the caller's own. */
export function locateOwnLedger(reader: Reader, actor: UserActor, path: LedgerPath): Ledger {
  const ledger = locateLedger(reader, actor, path);
  if (!ledger.own) throw forbidden("Only the Ledger of the user's own account can be written.");
  return ledger;
}
