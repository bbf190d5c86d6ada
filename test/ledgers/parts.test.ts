import { expect, test } from "bun:test";
import { openLedger } from "../support/world/ledger.ts";
import { openStickers } from "../support/world/sticker.ts";
import type { Json, World } from "../support/world/world.ts";

const named = (count: number, itemOf: (index: number) => Json) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`e${index}`, itemOf(index)]));
const rowsOf = (world: World, kind: string) =>
  world.query("SELECT data FROM events WHERE kind = ? ORDER BY sequence", kind).map(({ data }) => JSON.parse(data));

test("thousands of entries are written in parts, and answered as one request", async () => {
  await using opened = await openLedger();
  const { world, company, path, add, change } = opened;
  const count = 2000;
  const added = await add(named(count, (value) => ({ value })));
  expect([added.status, Object.keys(added.body.entries).length]).toEqual([201, count]);
  const changed = await change(named(count, (value) => ({ value: value + 1 })));
  expect(changed.body.entries.e1999.value).toBe(2000);
  const values = await company.call("PATCH", `${path}/value`, {
    entries: named(count, (value) => ({ value: value + 2 })),
  });
  expect(values.body.entries.e1999.value).toBe(2001);
  const deleted = await company.call("DELETE", path);
  expect(Object.keys(deleted.body.entries).length).toBe(count);
  expect((await company.call("GET", path)).body.entries).toEqual({});
  for (const kind of ["added", "updated", "deleted"]) {
    const rows = rowsOf(world, `ledger.entry.${kind}`);
    for (const { entries } of rows) expect(Object.keys(entries).length).toBeLessThanOrEqual(32);
    const times = kind === "updated" ? 2 : 1;
    expect(rows.flatMap(({ entries }) => Object.keys(entries)).length).toBe(count * times);
  }
});

test("if a ledger becomes too large in a later part, earlier parts stay, and the other items have an error", async () => {
  await using opened = await openLedger();
  const { add, get } = opened;
  await add({ large: { value: "x".repeat(65_340) } });
  const answer = await add(named(100, () => ({ value: 1 })));
  expect(answer.status).toBe(201);
  const error = "The Ledger would be larger than 65536 bytes.";
  const outcomes = Object.entries<Json>(answer.body.entries);
  expect(outcomes.slice(0, 32).every(([, { value }]) => value === 1)).toBe(true);
  expect(outcomes.slice(32).map(([, outcome]) => outcome)).toEqual(Array(68).fill({ error }));
  expect(Object.keys(await get()).length).toBe(33);
});

test("a request with the transaction flag is one command, so it has at most 250 entries", async () => {
  await using opened = await openLedger();
  const { company, path, add, get } = opened;
  const transaction = true;
  const refused = await add(
    named(251, () => ({ value: 1 })),
    { transaction },
  );
  expect([refused.status, refused.body.subcode]).toEqual([400, 400_589]);
  expect(refused.body.description).toContain("at most 250 in one transaction");
  expect(await get()).toEqual({});
  expect(
    (
      await add(
        named(250, () => ({ value: 1 })),
        { transaction },
      )
    ).status,
  ).toBe(201);
  await add({ other: { value: 1 } });
  expect((await company.call("DELETE", path, { transaction })).body.subcode).toBe(400_589);
  expect(Object.keys(await get()).length).toBe(251);
});

test("thousands of identities are given in parts; only a name that is taken is refused", async () => {
  await using opened = await openLedger();
  const { world, company, twin } = opened;
  const identities = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`RFID#${i}`, {}]));
  const path = `/twins/${twin}/identities`;
  const created = await company.call("POST", path, { identities });
  expect([created.status, Object.keys(created.body.identities).length]).toEqual([201, 500]);
  for (const { identities } of rowsOf(world, "identity.created")) {
    expect(Object.keys(identities).length).toBeLessThanOrEqual(32);
  }
  const again = await company.call("POST", path, { identities: { "RFID#499": {}, "RFID#500": {} } });
  expect(again.body.identities["RFID#499"]).toEqual({ error: "Identity already exists." });
  expect(again.body.identities["RFID#500"].validity_ts).toBe(null);
});

test("many stickers are put in parts, sized by what they write: a recipient is a row", async () => {
  await using opened = await openStickers();
  const { world, recipients, put, seconds } = opened;
  const many = Array.from({ length: 60 }, () => crypto.randomUUID());
  const answer = await put(named(20, () => ({ recipients: many })));
  expect([answer.status, Object.keys(answer.body.stickers).length]).toEqual([201, 20]);
  expect(rowsOf(world, "sticker.put").length).toBe(20);
  const wrong = { ...named(200, () => ({ recipients })), late: { recipients, validity_ts: seconds() - 1 } };
  expect((await put(wrong)).status).toBe(400);
  expect(rowsOf(world, "sticker.put").length).toBe(20);
});

test("an entry publishes on at most 100 topics, each of which is looked up whenever it changes", async () => {
  await using opened = await openLedger();
  const publish = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`topic${i}`, "true"]));
  const answer = await opened.add({
    few: { value: 1, publish: publish(100) },
    many: { value: 1, publish: publish(101) },
  });
  expect(answer.body.entries.few.value).toBe(1);
  expect(answer.body.entries.many).toEqual({ error: "Invalid rule.", detail: "publish: at most 100 topics" });
});
