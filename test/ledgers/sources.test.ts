import { expect, test } from "bun:test";
import { newTwin, openLedger } from "../support/world/ledger.ts";
import type { Json } from "../support/world/world.ts";

test("an entry keeps the type it was added with", async () => {
  await using opened = await openLedger();
  const { company, add, change } = opened;
  const other = await newTwin(company);
  const ref = { source: `twin://${other}/${company.account}/name` };
  const include = { source: `twin://${other}/name` };
  await add({ value: { value: 1 }, reference: { ref }, inclusion: { include } });
  const { entries } = (
    await change({ value: { ref }, reference: { include }, inclusion: { ref }, missing: { value: 1 } })
  ).body;
  for (const name of ["value", "reference", "inclusion"]) {
    expect(entries[name]).toEqual({ error: "Entry type cannot be changed." });
  }
  expect(entries.missing).toEqual({ error: "Entry not accessible." });
});

test("an include has the present value of its source, over further includes, and is null if there is none", async () => {
  await using opened = await openLedger();
  const { world, company, add, change, get } = opened;
  const [site, region] = [await newTwin(company), await newTwin(company)];
  const addTo = (twin: string, entries: Json) => company.call("POST", `/twins/${twin}/ledgers/personal`, { entries });
  await addTo(region, { name: { value: "North" } });
  await addTo(site, { name: { include: { source: `twin://${region}/name` } } });
  const include = { source: `twin://${site}/name` };
  expect((await add({ site_name: { include }, loose: { include: { source: `twin://${site}/none` } } })).status).toBe(
    201,
  );
  expect(await get()).toMatchObject({ site_name: { value: "North", include }, loose: { value: null } });

  world.clock.advance(5000);
  await company.call("PATCH", `/twins/${region}/ledgers/personal`, { entries: { name: { value: "South" } } });
  const read = (await get("?entries=site_name")).site_name;
  expect([read.value, read.value_changed_ts]).toEqual(["South", world.clock.now() / 1000]);

  await change({ site_name: { include: { source: `twin://${site}/gone` } } });
  expect((await get()).site_name.value).toBeNull();
});

test("a circle of includes has no value", async () => {
  await using opened = await openLedger();
  const { company, twin, add, get } = opened;
  const other = await newTwin(company);
  const entries = { round: { include: { source: `twin://${twin}/round` } } };
  await company.call("POST", `/twins/${other}/ledgers/personal`, { entries });
  await add({ round: { include: { source: `twin://${other}/round` } } });
  expect((await get()).round.value).toBeNull();
});

test("a source in the same ledger is refused, and so are one that does not exist and one that names no entry", async () => {
  await using opened = await openLedger();
  const { company, twin, path, add } = opened;
  const { entries } = (
    await add({
      a: { ref: { source: `twin://${twin}/${company.account}/b` } },
      c: { include: { source: `twin://${twin}/b` } },
      d: { include: { source: `twin://${crypto.randomUUID()}/b` } },
    })
  ).body;
  for (const name of ["a", "c", "d"]) expect(entries[name].error).toBe("Invalid source.");
  for (const source of [`twin://${twin}`, `twin://${twin}/x`, `http://${twin}/${company.account}/x`, 1, "", null]) {
    const refused = await company.call("POST", path, { entries: { a: { ref: { source } } } });
    expect([source, refused.status, refused.body.subcode]).toEqual([source, 400, 400_589]);
  }
});
