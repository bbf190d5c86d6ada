import type { UserActor } from "../kernel/actor.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type Standing, standingOf, UNKNOWN_AUTHOR } from "./author.ts";
import { INCLUDES_MAX, type Included, NULL } from "./ledger-values.ts";
import { findEntryValue, findTwinFacts } from "./rows.ts";
import { ruleHolds, type Subject, scopesOf, type TwinFacts } from "./scope.ts";
import { mayTouchTwin } from "./twin-gate.ts";

// What users see of their own account's ledgers.

/**
 * Decides which entries of the own account on a twin a role permits. For an include, its rule sees the same value as
 * the user.
 */
export function ownGate(reader: Reader, actor: UserActor, twin: TwinFacts): OwnGate {
  const { accountId, rules } = actor;
  const { entry: rule } = rules;
  if (rule === null) return () => true;
  const scopes = scopesOf(reader, actor, { twin, ledger: { accountId } });
  const seen = (entry: Included) => valueSeen(reader, actor, accountId, entry);
  return (entry, value = () => seen(entry), more = {}) =>
    ruleHolds(rule, reader, scopes({ entry: { name: entry.name, value }, more }));
}

type OwnGate = (entry: Included, value?: () => JsonText, more?: Subject["more"]) => boolean;

/** The value of an entry as a user of its account sees it. */
export const valueSeen = (reader: Reader, rights: Standing, accountId: string, entry: Included): JsonText =>
  entry.type === "include" ? (seenThrough(reader, rights, accountId, entry)?.value ?? NULL) : entry.value;

/**
 * The entry that an include finally resolves to; any other entry resolves to itself. Undefined if there is none, or if
 * the reader or the author of an include on the way may not read the next entry: both need the right.
 */
export function seenThrough<Entry extends Included>(
  reader: Reader,
  rights: Standing,
  accountId: string,
  entry: Entry,
  hopsLeft = INCLUDES_MAX,
): Entry | ReturnType<typeof findEntryValue> {
  if (entry.type !== "include") return entry;
  const { source, authors } = entry;
  const next = source && hopsLeft >= 0 ? findEntryValue(reader, source.twinId, accountId, source.name) : undefined;
  if (!source || !next) return undefined;
  const resolvedFor = (who: Standing) => once(() => seenThrough(reader, who, accountId, next, hopsLeft - 1));
  const found = resolvedFor(rights);
  const mayRead = (who: Standing, seen: typeof found) =>
    permitsEntry(reader, who, source.twinId, next, () => seen()?.value ?? NULL);
  if (!mayRead(rights, found)) return undefined;
  const includer = standingOf(reader, authors?.include ?? UNKNOWN_AUTHOR, isUser(rights) ? rights : undefined);
  return includer === rights || mayRead(includer, resolvedFor(includer)) ? found() : undefined;
}

/** Whether the role, if it still exists, permits an entry of the own account on any twin. */
function permitsEntry(reader: Reader, who: Standing, twinId: string, entry: Included, value: () => JsonText): boolean {
  if (!isUser(who)) return who === "former";
  if (isUnbound(who)) return true;
  const twin = findTwinFacts(reader, twinId);
  return twin !== undefined && mayTouchTwin(reader, who, twin) && ownGate(reader, who, twin)(entry, value);
}

const isUser = (rights: Standing): rights is UserActor => typeof rights !== "string";

/** Whether no rule hides anything in the own account's ledgers from a user. */
export const isUnbound = ({ rules }: UserActor) => rules.twin === null && rules.entry === null;
