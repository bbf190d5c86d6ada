import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { Page, PageRequest } from "../kernel/cursor.ts";
import { type OtherAccounts, search } from "../policy/fair-search.ts";
import { mayAccessIdentity, mayAccessTwin } from "../policy/verdicts.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { findTwin, type Twin } from "../twins/rows.ts";
import { isExpired } from "./get-twin-identity.ts";
import { type Identity, listAccountsByName, listByName } from "./rows.ts";

/** Bytes of descriptions on one page, after which it ends early. */
const PAGE_BYTES_MAX = 1024 * 1024;

/** Whose identities are searched: the caller's account's, all accounts', or those of these accounts. */
type Context = "personal" | "system" | string[];

type Wish = PageRequest & { context: Context; visibleTwins: boolean };

/**
 * The twins with a name, each once per page, in the order of their oldest such names: by the caller's own identities,
 * and by those of others that are visible to the caller. `visibleTwins` leaves out twins that the role hides from the
 * caller. Expired names are ignored.
 */
export async function resolveTwinIdentity(
  deps: Deps,
  actor: UserActor,
  name: string,
  { context, visibleTwins, cursor, limit }: Wish,
): Promise<Page<Twin>> {
  const found = new Map<string, { twin: Twin; namedAt: number }>();
  let bytes = 0;
  const examine = (reader: Reader) => (identity: Identity) => {
    const known = found.get(identity.twinId);
    if ((known && known.namedAt <= identity.createdAt) || isExpired(identity, reader.now)) return undefined;
    const twin = findTwin(reader, identity.twinId);
    if (!twin || !mayAccessIdentity(reader, actor, twin, identity)) return undefined;
    if (visibleTwins && !mayAccessTwin(reader, actor, twin)) return undefined;
    if (known) {
      known.namedAt = identity.createdAt;
      return undefined;
    }
    const entry = { twin, namedAt: identity.createdAt };
    found.set(twin.id, entry);
    bytes += twin.description?.length ?? 0;
    return entry;
  };
  const page = await search(deps, actor, {
    name: "resolved",
    lists: {
      accounts: (reader, after, count) => listAccountsByName(reader, name, after, count),
      items: (reader, accountId, after, count) =>
        listByName(reader, name, { accountId, visibleOnly: accountId !== actor.accountId }, after, count),
      keyOf: ({ twinId }) => twinId,
    },
    own: context === "personal" || context === "system" || context.includes(actor.accountId),
    others: othersOf(context),
    cursor,
    ruled: context !== "personal" || actor.rules.identity !== null || actor.rules.twin !== null,
    examine,
    isFull: ({ length }) => length >= limit || bytes >= PAGE_BYTES_MAX,
  });
  const sorted = page.items.sort((a, b) => a.namedAt - b.namedAt || (a.twin.id < b.twin.id ? -1 : 1));
  return { items: sorted.map(({ twin }) => twin), cursor: page.cursor };
}

const othersOf = (context: Context): OtherAccounts =>
  context === "system" ? "all" : context === "personal" ? [] : context;
