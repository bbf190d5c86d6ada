// Keys under which writes to ledgers and identities are recorded, computed alike from a request and from its journal
// row. They name every item that took effect, with the number it carried: a partly stored request has another key.

/** Unique for every write; copies and deletions carry none. */
export type WriteNumber = number | undefined;

type Items = readonly (readonly [name: string, number: WriteNumber])[];

export const itemsKey = (kind: string, twinId: string, items: Items): string =>
  `${kind} ${twinId} ${items
    .map(([name, number]) => `${name}=${number ?? ""}`)
    .sort()
    .join(" ")}`;

/**
 * References have names of their own, and no write sets their values: a change carries its number in the visibility.
 */
export const REFERENCE_NAME = /^ref_\d+$/;
export const visibilityOf = (n: number) => `${n} == ${n}`;

type EntryChange = { new_value: unknown; old_value: unknown; visibility?: string | null };

/** The number in an entry's journal row: of the new value, or of the deleted one. */
export function numberOfEntry(name: string, { new_value, old_value, visibility }: EntryChange): WriteNumber {
  if (!REFERENCE_NAME.test(name)) return ((new_value ?? old_value) as { n: number }).n;
  return visibility ? Number.parseInt(visibility, 10) : undefined;
}

/** Identities carry their number as the instant at which they expire, in the far future. */
const FAR_AWAY = 4_000_000_000;
export const validityOf = (n: number) => FAR_AWAY + n;

type IdentityChange = { validity_ts: number | null } | null;

export const numberOfIdentity = (change: IdentityChange): WriteNumber =>
  change?.validity_ts ? change.validity_ts - FAR_AWAY : undefined;
