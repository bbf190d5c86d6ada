import type { WriteNumber } from "../audit/write-keys.ts";

/**
 * A twin that only one caller changes, with its ledger and identities: so the last acknowledged state, the write in
 * flight, and the result of the next request are known.
 */
export type OwnTwin = {
  id: string;
  last: string;
  flying: string | undefined;
  /** Names of entries, and the numbers of their values. */
  entries: Map<string, WriteNumber>;
  identities: Set<string>;
};

export const newTwin = (id: string, last: string): OwnTwin => ({
  id,
  last,
  flying: undefined,
  entries: new Map(),
  identities: new Set(),
});

export const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(Math.random() * items.length)];

/** Some of them, at least one, in any order. */
export function pickSome<Item>(items: readonly Item[], countMax: number): Item[] {
  const shuffled = items.toSorted(() => Math.random() - 0.5);
  return shuffled.slice(0, 1 + Math.floor(Math.random() * countMax));
}
