import { expect, test } from "bun:test";
import { COPIES_BYTES_MAX } from "../../src/ledgers/copy-references.ts";
import { REFERENCES_MAX, REFERENCES_TO_ENTRY_MAX } from "../../src/ledgers/model/ledger-quota.ts";
import { openWorld } from "../support/world/world.ts";
import { copyAll, copyIn, createTwin, ledgerOf } from "./ledger-world.ts";

/** An account with a source, and a ledger for references to it. */
async function openReferences() {
  const world = await openWorld();
  const company = await world.createAccount();
  const source = ledgerOf(company, await createTwin(company));
  await source.add({ reading: { value: 0 }, other: { value: 0 } });
  const twin = await createTwin(company);
  const path = `/twins/${twin}/ledgers/personal`;
  const errors = async (method: "POST" | "PATCH", entries: Record<string, string>) => {
    const refs = Object.entries(entries).map(([name, of]) => [name, { ref: source.source(of) }]);
    const { body } = await company.call(method, path, { entries: Object.fromEntries(refs) });
    return Object.entries<{ error?: string }>(body.entries).map(([, entry]) => entry.error ?? "");
  };
  return {
    world,
    company,
    source,
    errors,
    ledger: ledgerOf(company, twin),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

const TOO_MANY = "Too many references.";

test(`an account has at most ${REFERENCES_MAX} references, and may redirect existing ones`, async () => {
  await using it = await openReferences();
  it.world.seed((connection) => connection.run("UPDATE accounts SET reference_count = ?", REFERENCES_MAX - 2));
  expect(await it.errors("POST", { a: "reading", b: "reading", c: "reading" })).toEqual(["", "", TOO_MANY]);
  expect(await it.errors("PATCH", { a: "other" })).toEqual([""]);
  await it.ledger.remove("b");
  expect(await it.errors("POST", { c: "other", d: "other" })).toEqual(["", TOO_MANY]);
});

test(`one account has at most ${REFERENCES_TO_ENTRY_MAX} references to an entry, and other accounts still have theirs`, async () => {
  await using it = await openReferences();
  await it.ledger.add({ a: { ref: it.source.source("reading") }, b: { ref: it.source.source("other") } });
  const fill = (count: number) =>
    it.world.seed((connection) =>
      connection.run("UPDATE reference_fans SET count = ? WHERE source_name = 'reading'", count),
    );
  fill(REFERENCES_TO_ENTRY_MAX - 1);
  expect(await it.errors("POST", { c: "reading", d: "reading" })).toEqual(["", TOO_MANY]);
  // Repeating a reference's source adds nothing.
  expect(await it.errors("PATCH", { a: "reading", b: "reading" })).toEqual(["", TOO_MANY]);
  expect(await it.errors("PATCH", { a: "other" })).toEqual([""]);
  expect(await it.errors("PATCH", { b: "reading" })).toEqual([""]);

  const other = await it.world.createAccount("Other");
  await ledgerOf(other, await createTwin(other)).add({ mine: { ref: it.source.source("reading") } });
});

test("counters equal the number of references after any adding, redirecting and deleting", async () => {
  await using it = await openReferences();
  const counts = () => [
    it.world.query("SELECT sum(reference_count) AS count FROM accounts")[0].count,
    ...it.world.query("SELECT source_name, count FROM reference_fans ORDER BY 1").map((row) => Object.values(row)),
  ];
  await it.errors("POST", { a: "reading", b: "reading", c: "other" });
  expect(counts()).toEqual([3, ["other", 1], ["reading", 2]]);
  await it.errors("PATCH", { c: "reading" });
  expect(counts()).toEqual([3, ["reading", 3]]);
  await it.errors("PATCH", { a: "other" });
  await it.ledger.remove("b");
  expect(counts()).toEqual([2, ["other", 1], ["reading", 1]]);
  await it.ledger.remove("a", "c");
  expect(counts()).toEqual([0]);
});

test("copies do not make a ledger larger than 1 MiB, regardless of their source", async () => {
  await using it = await openReferences();
  const large = "x".repeat(60_000);
  await it.source.update({ reading: { value: large } });
  const names = Array.from({ length: 30 }, (_, index) => `copy_${String(index).padStart(2, "0")}`);
  await it.ledger.add(Object.fromEntries(names.map((name) => [name, { ref: it.source.source("reading") }])));
  await copyAll(it.world.store);
  const [{ bytes }] = it.world.query(
    "SELECT sum(octet_length(value)) AS bytes FROM ledger_entries WHERE type = 'reference'",
  );
  expect(bytes).toBeLessThanOrEqual(COPIES_BYTES_MAX);
  expect(bytes).toBeGreaterThan(COPIES_BYTES_MAX - 2 * large.length);
  expect(await copyIn(it.ledger, "copy_29")).toEqual(["not_found", null]);
  // A value that fits is copied again.
  await it.source.update({ reading: { value: "small" } });
  await copyAll(it.world.store);
  for (const name of ["copy_00", "copy_29"]) expect(await copyIn(it.ledger, name)).toEqual(["ok", "small"]);
});
