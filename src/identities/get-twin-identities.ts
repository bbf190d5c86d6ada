import type { UserActor } from "../kernel/actor.ts";
import { identityGate } from "../policy/verdicts.ts";
import type { Reader } from "../store/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import { isExpired } from "./get-twin-identity.ts";
import { type Identity, listTwinIdentities } from "./rows.ts";

type Filter = {
  show_expired: boolean;
  show_valid: boolean;
  show_personal: boolean;
  /** `true`, or the only account whose identities are meant. */
  show_foreign: boolean | string;
  show_public: boolean;
  show_private: boolean;
};

/** The identities of a twin that the filters ask for and the caller may see. Of two with the same name the caller's own is shown. */
export function getTwinIdentities(reader: Reader, actor: UserActor, twinId: string, filter: Filter): Identity[] {
  const twin = getTwin(reader, actor, twinId);
  const isAskedFor = (identity: Identity) => {
    const own = identity.accountId === actor.accountId;
    const { show_foreign } = filter;
    const ofWhom = own ? filter.show_personal : show_foreign === true || show_foreign === identity.accountId;
    return (
      ofWhom &&
      (isExpired(identity, reader.now) ? filter.show_expired : filter.show_valid) &&
      (identity.visibility === null ? filter.show_private : filter.show_public)
    );
  };
  const mayTouch = identityGate(reader, actor, twin);
  const byName = new Map<string, Identity>();
  for (const identity of listTwinIdentities(reader, twin.id)) {
    const isSecond = byName.has(identity.name) && identity.accountId !== actor.accountId;
    if (isSecond || !isAskedFor(identity) || !mayTouch(identity)) continue;
    byName.set(identity.name, identity);
  }
  return [...byName.values()];
}
