import type { UserActor } from "../kernel/actor.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type AuthorRights, authorRights, UNKNOWN_AUTHOR } from "./author.ts";
import { INCLUDES_MAX, type Included, NULL } from "./ledger-values.ts";
import { findEntryValue, findTwinFacts } from "./rows.ts";
import { ruleHolds, type Subject, scopesOf, type TwinFacts } from "./scope.ts";
import { mayAccessTwin } from "./twin-gate.ts";

// What users see of their own account's ledgers.

/**
 * Decides which entries of the caller's own account on a twin a role permits. For an include, its rule sees the same
 * value as the user.
 */
export function ownGate(reader: Reader, actor: UserActor, twin: TwinFacts): OwnGate {
  const { accountId, rules } = actor;
  const { entry: rule } = rules;
  if (rule === null) return () => true;
  const scopes = scopesOf(reader, actor, { twin, ledger: { accountId } });
  const seen = (entry: Included) => visibleValue(reader, actor, accountId, entry);
  return (entry, value = () => seen(entry), more = {}) =>
    ruleHolds(rule, reader, scopes({ entry: { name: entry.name, value }, more }));
}

type OwnGate = (entry: Included, value?: () => JsonText, more?: Subject["more"]) => boolean;

/** The value of an entry as a user of its account sees it. */
export const visibleValue = (reader: Reader, rights: AuthorRights, accountId: string, entry: Included): JsonText =>
  entry.type === "include" ? (resolveInclude(reader, rights, accountId, entry)?.value ?? NULL) : entry.value;

/**
 * The entry that an include finally resolves to; any other entry resolves to itself. Undefined if there is none, or if
 * the reader or the author of an include on the way may not read the next entry: both need the right.
 */
export function resolveInclude<Entry extends Included>(
  reader: Reader,
  rights: AuthorRights,
  accountId: string,
  entry: Entry,
  hopsLeft = INCLUDES_MAX,
): Entry | ReturnType<typeof findEntryValue> {
  if (entry.type !== "include") return entry;
  const { source, authors } = entry;
  const next = source && hopsLeft >= 0 ? findEntryValue(reader, source.twinId, accountId, source.name) : undefined;
  if (!source || !next) return undefined;
  const resolvedFor = (who: AuthorRights) => once(() => resolveInclude(reader, who, accountId, next, hopsLeft - 1));
  const found = resolvedFor(rights);
  const mayRead = (who: AuthorRights, seen: typeof found) =>
    permitsEntry(reader, who, source.twinId, next, () => seen()?.value ?? NULL);
  if (!mayRead(rights, found)) return undefined;
  const includer = authorRights(reader, authors?.include ?? UNKNOWN_AUTHOR, isUser(rights) ? rights : undefined);
  return includer === rights || mayRead(includer, resolvedFor(includer)) ? found() : undefined;
}

/** Whether the role, if it still exists, permits an entry of its own account on any twin. */
function permitsEntry(
  reader: Reader,
  who: AuthorRights,
  twinId: string,
  entry: Included,
  value: () => JsonText,
): boolean {
  if (!isUser(who)) return who === "former";
  if (isUnrestricted(who)) return true;
  const twin = findTwinFacts(reader, twinId);
  return twin !== undefined && mayAccessTwin(reader, who, twin) && ownGate(reader, who, twin)(entry, value);
}

const isUser = (rights: AuthorRights): rights is UserActor => typeof rights !== "string";

/** Whether no rule hides anything in the ledgers of a user's own account from that user. */
export const isUnrestricted = ({ rules }: UserActor) => rules.twin === null && rules.entry === null;
