import { userCommand } from "../access/model/user-command.ts";
import { record } from "../journal/record.ts";
import { omitUndefined } from "../kernel/omit-undefined.ts";
import { toSecondsOrNull } from "../kernel/schema.ts";
import { authorOf } from "../policy/author.ts";
import { assertWithinRule, mayAccessIdentity } from "../policy/verdicts.ts";
import { getTwin } from "../twins/get-twin.ts";
import { getTwinIdentity } from "./get-twin-identity.ts";
import { type Identity, saveIdentity } from "./rows.ts";

type Changes = { expiresAt: number | null | undefined; visibility: string | null | undefined };
type Input = { twinId: string; name: string; changes: Changes };

/** Changes the expiry and visibility of an identity of the caller's account; null resets, absent fields stay. */
export const updateTwinIdentity = userCommand(
  "update_twin_identity",
  (tx, actor, { twinId, name, changes }: Input): Identity => {
    const identity = getTwinIdentity(tx, actor, twinId, name);
    const given = omitUndefined(changes);
    if (Object.keys(given).length === 0) return identity;
    const { visibility = identity.visibility } = given;
    // The same rule sent back keeps its author: it must not gain the rights of the user who sends it back.
    const author = visibility === identity.visibility ? identity.author : visibility === null ? null : authorOf(actor);
    const changed = { ...identity, ...given, author, updatedAt: tx.now };
    assertWithinRule("identity", mayAccessIdentity(tx, actor, getTwin(tx, actor, twinId), changed));
    saveIdentity(tx, changed);
    const data = { identities: { [name]: { validity_ts: toSecondsOrNull(changed.expiresAt), visibility } } };
    record(tx, actor, { kind: "identity.updated", accountId: actor.accountId, twinId, data });
    return changed;
  },
);
