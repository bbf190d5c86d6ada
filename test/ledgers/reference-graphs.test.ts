import { expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { copyReferences } from "../../src/ledgers/copy-references.ts";
import { type Caller, openWorld } from "../support/world/world.ts";
import { type Copy, copyAll, createReader, createTwin, type Ledger, ledgerOf } from "./ledger-world.ts";

// Places are assigned in turn to the four ledgers that two accounts have on two twins, so neighbours are never in the
// same ledger.

const PLACES = 14;
const LEDGERS = 4;
const HOPS_MAX = 8;

type Entry = { kind: "value"; value: number | null } | { kind: "reference"; to: number } | { kind: "include" };
type Place = { entry: Entry | null; isPublic: boolean };

/** Mostly the neighbour, so that chains and circles are long. */
const anyTarget = fc.oneof(
  { weight: 3, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: PLACES - 1 }) },
);
const anyEntry = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("value" as const), value: fc.constantFrom(null, 1, 2) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("reference" as const), step: anyTarget }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("include" as const) }) },
  { weight: 1, arbitrary: fc.constant(null) },
);
type Wish = typeof anyEntry extends fc.Arbitrary<infer Drawn> ? Drawn : never;
const anyStart = fc.record({ put: anyEntry, isPublic: fc.constantFrom(true, true, true, false) });
const anyPlace = fc.nat(PLACES - 1);
const anyEdit = fc.oneof(
  { weight: 6, arbitrary: fc.record({ place: anyPlace, put: anyEntry }) },
  { weight: 2, arbitrary: fc.record({ place: anyPlace, isPublic: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ copy: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.constant({ copy: "all" as const }) },
);

/** The naive fixpoint: the copy of each reference, computed from the present places. */
function copyOf(places: readonly Place[], place: number): Copy {
  const passed = [place];
  for (;;) {
    const at = passed.at(-1) as number;
    const entry = places[at]?.entry;
    if (!entry || entry.kind === "include") return ["not_found", null];
    if (entry.kind === "value") {
      const isReadable = (source: number, index: number) =>
        accountOf(source) === accountOf(passed[index] as number) || places[source]?.isPublic;
      return passed.slice(1).every(isReadable) ? ["ok", entry.value] : ["not_found", null];
    }
    if (passed.includes(entry.to)) return ["loop_detected", null];
    if (passed.length > HOPS_MAX) return ["too_many_hops", null];
    passed.push(entry.to);
  }
}

const ledgerIndex = (place: number) => place % LEDGERS;
const accountOf = (place: number) => place % 2;
const nameOf = (place: number) => `place_${place}`;
/** The target `step` places further; never in the same ledger. */
const targetOf = (place: number, step: number) => {
  const to = (place + step) % PLACES;
  return ledgerIndex(to) === ledgerIndex(place) ? (to + 1) % PLACES : to;
};

test("copies equal those of a naive evaluation for any graph of references and any changes, with bounded work", async () => {
  await using world = await openWorld();
  const people = [
    await createReader(world, await world.createAccount()),
    await createReader(world, await world.createAccount()),
  ];

  const property = fc.asyncProperty(
    fc.array(anyStart, { minLength: PLACES, maxLength: PLACES }),
    fc.array(anyEdit, { maxLength: 30, size: "max" }),
    async (starts, edits) => {
      const [first, second] = people as [Caller, Caller];
      const twins = [await createTwin(first), await createTwin(second)];
      const ledgers = [0, 1, 2, 3].map((index) => ledgerOf(people[index % 2] as Caller, twins[index >> 1] as string));
      const at = (place: number) => ledgers[ledgerIndex(place)] as Ledger;
      const places: Place[] = starts.map(({ isPublic }) => ({ entry: null, isPublic }));
      let writes = 0;
      let looks = 0;

      async function put(index: number, wish: Wish): Promise<void> {
        const place = places[index] as Place;
        const name = nameOf(index);
        const entry = wish?.kind === "reference" ? { kind: wish.kind, to: targetOf(index, wish.step) } : wish;
        const visibility = place.isPublic ? "true" : null;
        const isSameKind = entry !== null && place.entry?.kind === entry.kind;
        writes++;
        if (place.entry && !isSameKind) await at(index).remove(name);
        place.entry = entry;
        if (!entry) return;
        const source = entry.kind === "reference" ? at(entry.to).source(nameOf(entry.to)) : null;
        const body =
          entry.kind === "value"
            ? { value: entry.value }
            : entry.kind === "reference"
              ? { ref: source }
              : { include: { source: `twin://${twins[1 - (ledgerIndex(index) >> 1)]}/nothing` } };
        await at(index)[isSameKind ? "update" : "add"]({ [name]: { ...body, visibility } });
      }

      for (const [index, start] of starts.entries()) await put(index, start.put);
      for (const edit of edits) {
        if ("copy" in edit) {
          if (edit.copy === "all") looks += (await copyAll(world.store)).looks;
          else looks += (await world.store.write(copyReferences, SYSTEM, { limit: edit.copy })).done;
        } else if ("put" in edit) await put(edit.place, edit.put);
        else {
          const place = places[edit.place] as Place;
          place.isPublic = edit.isPublic;
          if (!place.entry) continue;
          writes++;
          await at(edit.place).update({ [nameOf(edit.place)]: { visibility: edit.isPublic ? "true" : null } });
        }
      }
      looks += (await copyAll(world.store, 3)).looks;

      const answers = await Promise.all(ledgers.map((ledger) => ledger.entries()));
      const got = places.map((_, place) => answers[ledgerIndex(place)][nameOf(place)]);
      for (const [place, { entry }] of places.entries()) {
        if (entry?.kind !== "reference") continue;
        const { ref, value } = got[place];
        expect([place, ref.status, value]).toEqual([place, ...copyOf(places, place)]);
      }
      expect(looks).toBeLessThanOrEqual(2 * writes * PLACES);
      expect(await copyAll(world.store)).toEqual({ commands: 1, looks: 0 });
    },
  );
  await fc.assert(property, { numRuns: 20, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: true });
}, 60_000);
