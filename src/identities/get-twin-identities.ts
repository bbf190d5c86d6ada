import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { Page, PageRequest } from "../kernel/cursor.ts";
import { search } from "../policy/fair-search.ts";
import { identityGate } from "../policy/verdicts.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import { isExpired } from "./get-twin-identity.ts";
import { findIdentity, type Identity, listAccountsOnTwin, listOnTwin } from "./rows.ts";

type Filter = PageRequest & {
  show_expired: boolean;
  show_valid: boolean;
  show_personal: boolean;
  /** `true` for all accounts, or the one account whose identities are shown. */
  show_foreign: boolean | string;
  show_public: boolean;
  show_private: boolean;
};

/**
 * The identities of a twin that pass the filters and are visible to the caller, in pages. Of two with the same name,
 * the caller's own is shown.
 */
export function getTwinIdentities(
  deps: Deps,
  actor: UserActor,
  twinId: string,
  filter: Filter,
): Promise<Page<Identity>> {
  const { show_foreign, cursor, limit } = filter;
  const isOwn = ({ accountId }: Identity) => accountId === actor.accountId;
  const isAskedFor = (identity: Identity, now: number) =>
    (isOwn(identity) ? filter.show_personal : show_foreign === true || show_foreign === identity.accountId) &&
    (isExpired(identity, now) ? filter.show_expired : filter.show_valid) &&
    (identity.visibility === null ? filter.show_private : filter.show_public);
  const examine = (reader: Reader) => {
    const twin = getTwin(reader, actor, twinId);
    const mayTouch = identityGate(reader, actor, twin);
    const isShown = (identity: Identity) => isAskedFor(identity, reader.now) && mayTouch(identity);
    return (identity: Identity) => {
      if (!isShown(identity)) return undefined;
      const own = isOwn(identity) ? undefined : findIdentity(reader, twinId, actor.accountId, identity.name);
      return own && isShown(own) ? undefined : identity;
    };
  };
  return search(deps, actor, {
    name: "identities",
    lists: {
      accounts: (reader, after, count) => listAccountsOnTwin(reader, twinId, after, count),
      items: (reader, accountId, after, count) =>
        listOnTwin(reader, twinId, { accountId, visibleOnly: accountId !== actor.accountId }, after, count),
      keyOf: ({ name }) => name,
    },
    own: filter.show_personal,
    others: show_foreign === true ? "all" : show_foreign === false ? [] : [show_foreign],
    cursor,
    ruled: show_foreign !== false || actor.rules.identity !== null || actor.rules.twin !== null,
    examine,
    isFull: ({ length }) => length >= limit,
  });
}
