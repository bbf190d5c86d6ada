import { expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { durationMs } from "../../src/kernel/duration.ts";
import { pruneHistory } from "../../src/ledgers/prune-history.ts";
import { expectConsistent } from "../support/store/breakages.ts";
import { tries } from "../support/tries.ts";
import { openWorld } from "../support/world/world.ts";
import { createTwin, ledgerOf } from "./ledger-world.ts";

const DAY = 86_400_000;

/** Short values, of which a row holds many, and some that fill it alone. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.nat() },
  { weight: 3, arbitrary: fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text)) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 200, maxLength: 700 }) },
);

const step = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: fc.constant("write" as const), value }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: DAY / 2 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("keep" as const), history: fc.constantFrom("1D", "1W", "INF") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("prune" as const) }) },
);

type Record = [instant: number, value: string];

/** The expected history of an entry, recorded step by step. */
class Model {
  records: Record[] = [];
  history: string | null = "1D";
  value = "";
  changedAt = 0;

  write(value: string, now: number): void {
    if (value === this.value) return;
    [this.value, this.changedAt] = [value, Math.max(now, this.changedAt + 1)];
    if (this.history !== null) this.records.push([this.changedAt, value]);
  }

  keep(history: string | null): void {
    if (history === null) this.records = [];
    else if (this.history === null) this.records = [[this.changedAt, this.value]];
    this.history = history;
  }

  kept(now: number): Record[] {
    const since = this.history === null ? now + 1 : now - durationMs(this.history);
    return this.records.filter(([instant]) => instant >= since);
  }
}

test("after any sequence of writes, waits, settings and drops, a history equals that of a naive model, byte for byte", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      await using world = await openWorld();
      const company = await world.createAccount();
      const ledger = ledgerOf(company, await createTwin(company));
      const model = new Model();
      await ledger.add({ reading: { value: "first", history: "1D" } });
      model.write('"first"', world.clock.now());
      for (const step of steps) {
        const now = world.clock.now();
        if (step.kind === "write") {
          await ledger.update({ reading: { value: step.value } });
          if (!Bun.deepEquals(JSON.parse(model.value), JSON.parse(JSON.stringify(step.value)), true))
            model.write(JSON.stringify(step.value), now);
        } else if (step.kind === "wait") world.clock.advance(step.ms);
        else if (step.kind === "prune") {
          await world.store.write(pruneHistory, SYSTEM, { after: null, limit: 10 });
          model.records = model.kept(now);
        } else {
          const history = step.kind === "keep" ? step.history : null;
          await ledger.update({ reading: { history } });
          model.keep(history);
        }
      }
      const told = await ledger.history("reading", "&limit=1000");
      const newestFirst = model.kept(world.clock.now()).toReversed();
      expect(Object.values(told).map((value) => JSON.stringify(value))).toEqual(newestFirst.map(([, value]) => value));
      expect(Object.keys(told).map((seconds) => Math.round(Number(seconds) * 1000))).toEqual(
        newestFirst.map(([instant]) => instant),
      );
      expectConsistent(world.dataDir);
    }),
    { numRuns: tries(10) },
  );
}, 30_000);

test("records gather in the entry's row and are moved to its history together", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const ledger = ledgerOf(company, await createTwin(company));
  await ledger.add({ reading: { value: 0, history: "INF" } });
  const moved = (): number => world.query("SELECT count(*) AS moved FROM ledger_history")[0].moved;
  const seen = new Set<number>();
  for (let value = 1; value <= 100; value++) {
    await ledger.update({ reading: { value } });
    seen.add(moved());
    expect(Object.values(await ledger.history("reading", "&limit=3"))).toEqual(
      [value, value - 1, value - 2].filter((v) => v >= 0),
    );
  }
  expect(seen.size).toBeWithin(4, 6);
  const [{ recent }] = world.query("SELECT recent FROM ledger_entries");
  expect(JSON.parse(recent).length + moved()).toBe(101);
});
