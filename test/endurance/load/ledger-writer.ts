import { itemsKey, REFERENCE_NAME, visibilityOf, type WriteNumber } from "../audit/write-keys.ts";
import type { AcknowledgedValues } from "./acknowledged-values.ts";
import type { Caller } from "./acknowledged-writes.ts";
import { type OwnTwin, pick, pickSome } from "./own-twin.ts";

/** Few, so that most requests concern some that exist and some that do not. */
const NAMES = Array.from({ length: 8 }, (_, index) => `entry_${index}`);

/** An item of a request, and the reason why it is refused, if it is. */
type Item = { name: string; wish: object; number: WriteNumber; refusal?: string | undefined };

type What = "added" | "updated" | "deleted";
type Request = { what: What; method: string; suffix: string; items: Item[]; status: number };

const chance = (share: number) => Math.random() < share;

/**
 * Adds, changes and deletes the entries of its own ledgers, in requests of which some items are refused. No other
 * writer uses these ledgers, so it knows beforehand which.
 */
export class LedgerWriter {
  readonly #account: string;
  readonly #next: () => number;
  /** A twin of any writer, to refer to. */
  readonly #anyTwin: () => OwnTwin | undefined;
  readonly #told: AcknowledgedValues;

  constructor(account: string, next: () => number, anyTwin: () => OwnTwin | undefined, told: AcknowledgedValues) {
    this.#account = account;
    this.#next = next;
    this.#anyTwin = anyTwin;
    this.#told = told;
  }

  async write(caller: Caller, twin: OwnTwin): Promise<void> {
    const dice = Math.random();
    if (twin.entries.size < 2 || dice < 0.2) await this.#add(caller, twin);
    else if (dice < 0.6) await this.#updateValues(caller, twin);
    else if (dice < 0.8) await this.#update(caller, twin);
    else if (dice < 0.9) await this.#delete(caller, twin);
    else if (dice < 0.98) await this.#addReference(caller, twin);
    else await this.#overfill(caller, twin);
  }

  async #add(caller: Caller, twin: OwnTwin): Promise<void> {
    const n = this.#next();
    const items = pickSome(NAMES, 4).map((name): Item => {
      const wish = { ...newValue(n), ...properties(n) };
      return { name, wish, number: n, refusal: twin.entries.has(name) ? "Entry already exists." : undefined };
    });
    await this.#request(caller, twin, { what: "added", method: "POST", suffix: "", items, status: 201 });
  }

  async #updateValues(caller: Caller, twin: OwnTwin): Promise<void> {
    const n = this.#next();
    const items = this.#someNames(twin).map((name): Item => {
      const refusal = REFERENCE_NAME.test(name) ? "Entry value cannot be changed." : missing(twin, name);
      return { name, wish: newValue(n), number: n, refusal };
    });
    await this.#request(caller, twin, { what: "updated", method: "PATCH", suffix: "/value", items, status: 200 });
    const written = items.find(({ refusal }) => !refusal);
    if (written && twin.entries.get(written.name) === n && chance(0.2)) {
      await caller.expectValue(twin.id, written.name, n);
    }
  }

  /** References get another source; other entries get another value and properties. */
  async #update(caller: Caller, twin: OwnTwin): Promise<void> {
    const n = this.#next();
    const items = this.#someNames(twin).map((name): Item => {
      if (REFERENCE_NAME.test(name)) return this.#referenceItem(twin, name, n, { visibility: visibilityOf(n) });
      const refusal = missing(twin, name);
      if (!refusal && chance(0.1)) {
        return { ...this.#referenceItem(twin, name, n, {}), refusal: "Entry type cannot be changed." };
      }
      return { name, wish: { ...newValue(n), ...properties(n) }, number: n, refusal };
    });
    await this.#request(caller, twin, { what: "updated", method: "PATCH", suffix: "", items, status: 200 });
  }

  async #delete(caller: Caller, twin: OwnTwin): Promise<void> {
    const items = this.#someNames(twin).map((name): Item => {
      return { name, wish: {}, number: twin.entries.get(name), refusal: missing(twin, name) };
    });
    const suffix = `?entries=${items.map(({ name }) => name)}`;
    await this.#request(caller, twin, { what: "deleted", method: "DELETE", suffix, items, status: 200 });
  }

  async #addReference(caller: Caller, twin: OwnTwin): Promise<void> {
    const n = this.#next();
    const item = this.#referenceItem(twin, `ref_${n}`, undefined, chance(0.5) ? { history: "1M" } : {});
    await this.#request(caller, twin, { what: "added", method: "POST", suffix: "", items: [item], status: 201 });
  }

  /** Refused as a whole after everything was written, because the ledger would become too large. */
  async #overfill(caller: Caller, twin: OwnTwin): Promise<void> {
    const n = this.#next();
    const entries = { [`big_${n}`]: { value: { n, filling: "x".repeat(65_400) } } };
    const key = itemsKey("ledger.entry.added", twin.id, [[`big_${n}`, n]]);
    await caller.try([400], key, "POST", `/twins/${twin.id}/ledgers/personal`, { entries });
  }

  /** Of existing entries and of others. */
  #someNames(twin: OwnTwin): string[] {
    return [...new Set([...pickSome([...twin.entries.keys()], 3), ...(chance(0.4) ? pickSome(NAMES, 2) : [])])];
  }

  /** Refers to any entry, existing or not: this creates chains and loops too. */
  #referenceItem(twin: OwnTwin, name: string, number: WriteNumber, more: object): Item {
    const source = this.#anyTwin() ?? twin;
    const entry = (chance(0.9) && pick([...source.entries.keys()])) || (pick(NAMES) as string);
    const refusal = source === twin ? "Invalid source." : undefined;
    return {
      name,
      wish: { ref: { source: `twin://${source.id}/${this.#account}/${entry}` }, ...more },
      number,
      refusal,
    };
  }

  async #request(caller: Caller, twin: OwnTwin, { what, method, suffix, items, status }: Request): Promise<void> {
    const transaction = chance(0.4);
    const conditions = conditionsFor(twin, items);
    const done = items.filter(({ refusal }) => !refusal);
    const isRefused = transaction && done.length < items.length;
    const key = itemsKey(
      `ledger.entry.${what}`,
      twin.id,
      done.map(({ name, number }) => [name, number]),
    );
    const path = `/twins/${twin.id}/ledgers/personal${suffix}`;
    const entries = Object.fromEntries(items.map(({ name, wish }) => [name, wish]));
    const body = { ...(what !== "deleted" && { entries }), conditions, transaction };
    if (isRefused || done.length === 0) {
      const answer = await caller.refuseItems(isRefused ? 400 : status, method, path, body);
      if (!isRefused) assertOutcomes(items, answer);
      return;
    }
    const text = await caller.writeItems(key, method, path, body);
    assertOutcomes(items, text);
    const answer = JSON.parse(text).entries;
    for (const { name, number } of done) {
      if (what === "deleted") twin.entries.delete(name);
      else {
        twin.entries.set(name, REFERENCE_NAME.test(name) ? undefined : number);
        this.#told.tellEntry(twin.id, name, { key, text: JSON.stringify(answer[name]) });
      }
    }
  }
}

const missing = (twin: OwnTwin, name: string) => (twin.entries.has(name) ? undefined : "Entry not accessible.");

/** Sometimes an item has a condition, which holds or refuses it. */
function conditionsFor(twin: OwnTwin, items: Item[]): Record<string, string> {
  const conditions: Record<string, string> = {};
  for (const item of items) {
    const n = twin.entries.get(item.name);
    // An absent entry is refused as such, before any condition.
    if (item.refusal || n === undefined || !chance(0.15)) continue;
    const met = chance(0.5);
    conditions[item.name] = `value.n == ${met ? n : -1}`;
    if (!met) item.refusal = "Condition not met.";
  }
  return conditions;
}

function assertOutcomes(items: Item[], text: string): void {
  const { entries } = JSON.parse(text);
  for (const { name, refusal } of items) {
    if (entries[name]?.error !== refusal) throw new Error(`${name} should be ${refusal ?? "done"}: ${text}`);
  }
}

const newValue = (n: number) => ({ value: { n, filling: "x".repeat(60 + Math.random() * 140) } });

const properties = (n: number) => ({
  ...(chance(0.6) && { history: pick(["1M", "INF", null]) }),
  ...(chance(0.3) && { visibility: chance(0.5) ? visibilityOf(n) : null }),
});
