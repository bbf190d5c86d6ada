import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { invalid } from "../kernel/failure.ts";
import { UNFINISHED } from "../kernel/fairness/fair-slices.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { Uuid } from "../kernel/schema.ts";
import { callerWithoutToken, isBudgetSpent, ruleHolds, scopeOf } from "../policy/scope.ts";
import { ledgerOfCaller, mayAccessTwin } from "../policy/verdicts.ts";
import type { Rule } from "../rules/rule.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { findTwinPosition, listDescriptionSizes, listTwinIds, listTwins, type Twin } from "./rows.ts";

type Page<Twins> = { twins: Twins; cursor: string | null };
type Scan = { cursor?: string | undefined; count: number };

/** Characters of an id in a JSON array: 36, quotes, and a comma or bracket. */
const ID_JSON_CHARS = 39;

/** Ids of the twins that the caller's account owns, including terminated ones, in the order of creation. */
export function scanTwinIds(reader: Reader, actor: UserActor, { cursor, count }: Scan): Page<JsonText> {
  const after = cursor ? positionOf(reader, actor, cursor) : 0;
  // One more than asked for shows whether there is a next page.
  const ids = listTwinIds(reader, actor.accountId, after, count + 1);
  const end = count * ID_JSON_CHARS;
  if (ids.length <= end + 1) return { twins: ids, cursor: null };
  return { twins: `${ids.slice(0, end)}]` as JsonText, cursor: cursorAfter(ids.slice(end - 37, end - 1)) };
}

/** Bytes of descriptions after which a page ends early: a page is built and sent in one go. */
const PAGE_BYTES_MAX = 1024 * 1024;
/** Twins that one call examines, however few of them match. */
const EXAMINED_MAX = 2000;
/** Twins read in one slice. */
const SLICE_MAX = 100;
/** Minimum number of twins read in one slice, however few are still to be found: each slice has a fixed cost. */
const SLICE_MIN = 50;

type Filter = Scan & { match?: Rule | undefined };

/**
 * Scans the twins themselves: only those that the caller's role permits and for which `match` holds; `match` sees of
 * the caller's ledger on each twin what the role permits. A page ends early, with a cursor, where twins are large or
 * few match. Long scans run in slices and take turns with those of other callers.
 */
export function scanTwins(
  { store, slices }: Deps,
  actor: UserActor,
  { cursor, count, match }: Filter,
): Promise<Page<Twin[]>> {
  const twins: Twin[] = [];
  let room = PAGE_BYTES_MAX;
  let left = EXAMINED_MAX;
  let after: number | undefined;
  return slices.run({ account: actor.accountId, member: actor.userId }, (isOver) =>
    store.read((reader) => {
      after ??= cursor ? positionOf(reader, actor, cursor) : 0;
      const limits = { twins: Math.min(left, SLICE_MAX), found: count - twins.length, bytes: room, isOver };
      const slice = examine(reader, actor, after, match, limits);
      twins.push(...slice.found);
      room -= slice.bytes;
      left -= slice.examined;
      if (!slice.last || !slice.more) return { twins, cursor: null };
      if (slice.full || left === 0) return { twins, cursor: cursorAfter(slice.last.id) };
      after = slice.last.position;
      return UNFINISHED;
    }),
  );
}

type Limits = { twins: number; found: number; bytes: number; isOver: () => boolean };

/** Examines twins after a position until a limit is reached; at least one twin, regardless of its size. */
function examine(reader: Reader, actor: UserActor, after: number, match: Rule | undefined, limits: Limits) {
  const filtered = match !== undefined || actor.rules.twin !== null;
  // Where most twins match, reads no more than needed.
  const limit = Math.min(limits.twins, filtered ? Math.max(limits.found, SLICE_MIN) : limits.found);
  const sizes = listDescriptionSizes(reader, actor.accountId, after, limit + 1);
  const fitting = Math.max(1, Math.min(limit, countWithin(sizes, limits.bytes)));
  const candidates = listTwins(reader, actor.accountId, after, fitting);
  const found: Twin[] = [];
  let examined = 0;
  let interrupted = false;
  for (const twin of candidates) {
    interrupted = filtered && examined > 0 && (limits.isOver() || isBudgetSpent(reader));
    if (found.length === limits.found || interrupted) break;
    examined++;
    if (!filtered || (mayAccessTwin(reader, actor, twin) && (!match || matches(reader, actor, twin, match))))
      found.push(twin);
  }
  const last = candidates[examined - 1];
  return {
    found,
    examined,
    last,
    more: examined < sizes.length,
    bytes: found.reduce((sum, twin) => sum + (twin.description?.length ?? 0), 0),
    full: found.length === limits.found || (!interrupted && candidates.length === fitting && fitting < limit),
  };
}

/** How many of the sizes, taken in order, have a sum of at most `sumMax`. */
function countWithin(sizes: readonly number[], sumMax: number): number {
  let count = 0;
  for (let sum = sizes[0] ?? 0; count < sizes.length && sum <= sumMax; sum += sizes[count] ?? 0) count++;
  return count;
}

function matches(reader: Reader, actor: UserActor, twin: Twin, match: Rule): boolean {
  const { accountId } = actor;
  const ledger = ledgerOfCaller(reader, actor, twin);
  return ruleHolds(
    match,
    reader,
    scopeOf(reader, callerWithoutToken(actor), { twin, ledger, more: { ledger: () => accountId } }),
  );
}

const cursorAfter = (id: string) => Buffer.from(id).toString("base64");

/** A cursor is the id of the last twin on the page before; only ids of the caller's account are valid. */
function positionOf(reader: Reader, actor: UserActor, cursor: string): number {
  const { data: id } = Uuid.safeParse(Buffer.from(cursor, "base64").toString());
  const position = id === undefined ? undefined : findTwinPosition(reader, actor.accountId, id);
  if (position === undefined) {
    throw invalid("parameter", "The cursor is not one that this scan answered.", [
      { path: "cursor", message: "unknown" },
    ]);
  }
  return position;
}
