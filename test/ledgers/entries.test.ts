import { expect, test } from "bun:test";
import { newTwin, openLedger } from "../support/world/ledger.ts";
import type { Json } from "../support/world/world.ts";

test("entries are returned as they were added, with the instants of the ledger, and cannot be added twice", async () => {
  await using opened = await openLedger();
  const { world, add, get } = opened;
  const now = world.clock.now() / 1000;
  const times = { entry_created_ts: now, entry_updated_ts: now, value_changed_ts: now };
  const visibility = "USER.profession == 'service'";
  const added = await add({ reading: { value: 4821.7, visibility, history: "1M" }, battery: { value: 93 } });
  const entries = {
    reading: { value: 4821.7, visibility, history: "1M", ...times },
    battery: { value: 93, visibility: null, ...times },
  };
  expect([added.status, added.body]).toEqual([201, { ...times, entries }]);
  expect(await get()).toEqual(entries);

  const again = await add({ reading: { value: 1 }, battery: { value: null }, site: { value: "north" } });
  const refused = { error: "Entry already exists." };
  expect([again.status, again.body.entries]).toEqual([
    201,
    { reading: refused, battery: refused, site: { value: "north", visibility: null, ...times } },
  ]);
  expect((await get()).reading.value).toBe(4821.7);
});

test("any JSON is a value, null counts as one, and names such as __proto__ are names", async () => {
  await using opened = await openLedger();
  const { add, get } = opened;
  const values = { a: null, b: [1, { c: [] }], c: { __proto__: null }, d: "", e: false, f: 1e-7 };
  const entries = JSON.parse(`{"__proto__":{"value":{"__proto__":1}},"constructor":{"value":2}}`);
  for (const [name, value] of Object.entries(values)) entries[name] = { value };
  await add(entries);
  const stored = await get();
  for (const [name, value] of Object.entries(values)) expect(stored[name].value).toEqual(value);
  expect(Object.getOwnPropertyDescriptor(stored, "__proto__")?.value.value).toEqual(JSON.parse('{"__proto__":1}'));
  expect(stored.constructor.value).toBe(2);
});

test("an update changes what it names; an equal value, however it is written, is no change", async () => {
  await using opened = await openLedger();
  const { world, add, change, get } = opened;
  await add({ reading: { value: { a: 1, b: [2] }, visibility: "true" } });
  const first = world.clock.now() / 1000;
  world.clock.advance(1000);
  expect((await change({ reading: { value: { b: [2.0], a: 1 } } })).body.entries.reading.value_changed_ts).toBe(first);

  const changed = (await change({ reading: { value: 2 } })).body.entries.reading;
  expect([changed.value, changed.value_changed_ts, changed.entry_updated_ts]).toEqual([2, first + 1, first]);
  world.clock.advance(1000);
  const hidden = (await change({ reading: { visibility: null } })).body.entries.reading;
  expect([hidden.visibility, hidden.value_changed_ts, hidden.entry_updated_ts]).toEqual([null, first + 1, first + 2]);
  expect((await change({ reading: {} })).body.entries.reading).toEqual((await get()).reading);
});

test("the instants of a value strictly increase, even if the clock stands still or is set back", async () => {
  await using opened = await openLedger();
  const { world, company, path, add } = opened;
  await add({ reading: { value: 0 } });
  const instants: number[] = [];
  for (const value of [1, 2, 3]) {
    if (value === 3) world.clock.set(world.clock.now() - 60_000);
    const { body } = await company.call("PATCH", `${path}/value`, { entries: { reading: { value } } });
    instants.push(Math.round(body.entries.reading.value_changed_ts * 1000));
  }
  const [first = 0] = instants;
  expect(instants).toEqual([first, first + 1, first + 2]);
});

test("the value operation changes values only, and only of value entries", async () => {
  await using opened = await openLedger();
  const { company, twin, path, add, get } = opened;
  const other = await newTwin(company);
  await add({
    reading: { value: 1, visibility: "true" },
    included: { include: { source: `twin://${other}/name` } },
    copied: { ref: { source: `twin://${other}/${company.account}/name` } },
  });
  const { body } = await company.call("PATCH", `${path}/value`, {
    entries: {
      reading: { value: 2, visibility: null },
      included: { value: 1 },
      copied: { value: 1 },
      none: { value: 1 },
    },
  });
  expect(body.entries.reading).toMatchObject({ value: 2, visibility: "true" });
  const unchangeable = { error: "Entry value cannot be changed." };
  expect(body.entries).toMatchObject({ included: unchangeable, copied: unchangeable });
  expect(body.entries.none).toEqual({ error: "Entry not accessible." });
  expect((await get()).reading.value).toBe(2);
  const values = (await company.call("GET", `/twins/${twin}/ledgers/owner/value?entries=reading`)).body;
  expect(Object.keys(values)).toEqual(["entries"]);
  expect(Object.keys(values.entries.reading).sort()).toEqual([
    "entry_created_ts",
    "entry_updated_ts",
    "value",
    "value_changed_ts",
  ]);
});

test("an item whose condition the stored entry does not meet is refused and changes nothing", async () => {
  await using opened = await openLedger();
  const { add, change, get } = opened;
  const { value_changed_ts } = (await add({ reading: { value: 1 }, other: { value: 1 } })).body;
  const conditions = { reading: `value_changed_ts == ${value_changed_ts}`, other: "value == 2" };
  const first = (await change({ reading: { value: 2 }, other: { value: 3 } }, { conditions })).body.entries;
  expect([first.reading.value, first.other]).toEqual([2, { error: "Condition not met." }]);
  const second = (await change({ reading: { value: 3 } }, { conditions })).body.entries;
  expect(second.reading).toEqual({ error: "Condition not met." });
  const wrong = (await change({ reading: { value: 3 } }, { conditions: { reading: "value ==" } })).body.entries;
  expect(wrong.reading.error).toBe("Invalid rule.");
  expect(
    (await add({ fresh: { value: 1 } }, { conditions: { fresh: "value_changed_ts == null" } })).body.entries,
  ).toMatchObject({
    fresh: { value: 1 },
  });
  expect(await get()).toMatchObject({ reading: { value: 2 }, other: { value: 1 }, fresh: { value: 1 } });
});

test("with `transaction` the whole request is refused if one item is; without it items are accepted or refused separately", async () => {
  await using opened = await openLedger();
  const { world, company, path, add, change, get } = opened;
  await add({ a: { value: 1 } });
  const eventsBefore = world.query("SELECT count(*) AS count FROM events")[0].count;
  for (const refused of [
    await add({ b: { value: 1 }, a: { value: 2 } }, { transaction: true }),
    await change({ a: { value: 2 }, b: { value: 1 } }, { transaction: true }),
    await company.call("DELETE", `${path}?entries=a,b`, { transaction: true }),
  ]) {
    expect([refused.status, refused.body.subcode]).toEqual([400, 400_979]);
    expect(refused.body.description).toMatch(/(a|b): Entry (already exists|not accessible)\./);
  }
  expect(await get()).toMatchObject({ a: { value: 1 } });
  expect(world.query("SELECT count(*) AS count FROM events")[0].count).toBe(eventsBefore);
  await change({ a: { value: 2 }, b: { value: 1 } });
  expect(Object.entries<Json>(await get()).map(([name, { value }]) => [name, value])).toEqual([["a", 2]]);
});

test("a deletion returns the last state; without names it deletes everything, and an empty ledger is no error", async () => {
  await using opened = await openLedger();
  const { company, path, add, get } = opened;
  await add({ a: { value: 1 }, b: { value: 2 }, c: { value: 3 } });
  const some = await company.call("DELETE", `${path}?entries=a&entries=x`, { conditions: { a: "value == 1" } });
  expect([some.status, some.body.entries]).toMatchObject([
    200,
    { a: { value: 1, visibility: null }, x: { error: "Entry not accessible." } },
  ]);
  expect(Object.keys((await company.call("DELETE", path)).body.entries)).toEqual(["b", "c"]);
  expect(await get()).toEqual({});
  expect((await company.call("DELETE", path)).body).toEqual({ entries: {} });
});

test("a request that would make a ledger larger than 64 kB is refused as a whole; a request that shrinks it is accepted", async () => {
  await using opened = await openLedger();
  const { add, change, get } = opened;
  const half = "x".repeat(32_000);
  await add({ a: { value: half }, b: { value: half } });
  for (const refused of [
    await add({ c: { value: "x".repeat(3000) }, d: { value: 1 } }),
    await change({ a: { value: `${half}${"x".repeat(3000)}` } }),
  ]) {
    expect([refused.status, refused.body.subcode]).toEqual([400, 400_141]);
  }
  expect(Object.keys(await get())).toEqual(["a", "b"]);
  expect((await change({ a: { value: "short" } })).body.entries.a.value).toBe("short");
});

test("a request of the wrong shape is refused as a whole, and the error names the path", async () => {
  await using opened = await openLedger();
  const { company, path, get } = opened;
  const fine = { fine: { value: 1 } };
  for (const [entries, where] of [
    [undefined, "entries"],
    [[], "entries"],
    [{ ...fine, "Bad Name": { value: 1 } }, "entries.Bad Name"],
    [{ ...fine, ["a".repeat(129)]: { value: 1 } }, "entries.aaa"],
    [{ ...fine, a: {} }, "entries.a"],
    [{ ...fine, a: { value: 1, include: { source: `twin://${company.account}/b` } } }, "entries.a"],
    [{ ...fine, a: { value: 1, history: "1H" } }, "entries.a.history"],
    [{ ...fine, a: { value: 1, history: "0D" } }, "entries.a.history"],
    [{ ...fine, a: { value: 1, visibility: true } }, "entries.a.visibility"],
    [{ ...fine, a: { value: 1, publish: { topic: 1 } } }, "entries.a.publish.topic"],
    [{ ...fine, a: { value: 1, timeseries: [] } }, "entries.a.timeseries"],
  ] as const) {
    const refused = await company.call("POST", path, { entries });
    expect([where, refused.status, refused.body.subcode]).toEqual([where, 400, 400_589]);
    expect(refused.body.description).toContain(where);
  }
  expect(await get()).toEqual({});
});

test("an item is refused if its rule or topic does not compile, or its table does not exist", async () => {
  await using opened = await openLedger();
  const { add } = opened;
  const { entries } = (
    await add({
      a: { value: 1, visibility: "1 ==" },
      b: { value: 1, publish: { topic: "==" } },
      c: { value: 1, publish: { "{": "true" } },
      d: { value: 1, timeseries: { water: {} } },
      e: { value: 1, timeseries: {}, publish: { "reading-{entry_name}": "new_value > old_value" } },
    })
  ).body;
  for (const name of ["a", "b", "c"]) expect(entries[name].error).toBe("Invalid rule.");
  expect(entries.a.detail).toContain("visibility");
  expect(entries.d).toEqual({ error: "Timeseries table does not exist.", detail: "water" });
  expect(entries.e.publish).toEqual({ "reading-{entry_name}": "new_value > old_value" });
});

test("each request is journaled as one row, with its changes and nothing else", async () => {
  await using opened = await openLedger();
  const { world, company, path, add, change } = opened;
  await add({ a: { value: 1 }, b: { value: 2 } });
  await change({ a: { value: 5 }, b: { value: 2 }, c: { value: 1 } });
  await change({ b: { value: 2 } });
  await company.call("DELETE", `${path}?entries=b`);
  const rows = world.query("SELECT kind, data FROM events WHERE kind LIKE 'ledger.%' ORDER BY sequence");
  const seen = rows.map(({ kind, data }) => [kind, JSON.parse(data).entries]);
  expect(seen).toMatchObject([
    ["ledger.entry.added", { a: { new_value: 1, old_value: null }, b: { new_value: 2, old_value: null } }],
    ["ledger.entry.updated", { a: { new_value: 5, old_value: 1 } }],
    ["ledger.entry.deleted", { b: { new_value: null, old_value: 2 } }],
  ]);
  expect(Object.keys(seen[1]?.[1])).toEqual(["a"]);
});

test("the filters of a read exclude own entries", async () => {
  await using opened = await openLedger();
  const { company, add, get } = opened;
  const other = await newTwin(company);
  await add({
    open: { value: 1, visibility: "true" },
    closed: { value: 1 },
    copied: { ref: { source: `twin://${other}/${company.account}/x`, visibility: "true" } },
  });
  const names = async (query: string) => Object.keys(await get(query));
  expect(await names("")).toEqual(["closed", "copied", "open"]);
  expect(await names("?show_references=False")).toEqual(["closed", "open"]);
  expect(await names("?show_public=false")).toEqual(["closed"]);
  expect(await names("?show_private=0")).toEqual(["copied", "open"]);
  expect(await names("?show_private=0&entries=closed,open,open")).toEqual(["open"]);
  expect(await get("?entries=nothing&entries=closed")).toMatchObject({
    nothing: { error: "Entry not accessible." },
    closed: { value: 1 },
  });
});
