import { expect, test } from "bun:test";
import { createReader, createTwin, ledgerOf } from "../ledgers/ledger-world.ts";
import { openWorld } from "../support/world/world.ts";

// Rules in a caller's own requests could be used to probe, bit by bit, for what a role hides from the caller.

test("a scan's match or a condition reveals nothing that the caller's role hides", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await createTwin(company);
  await ledgerOf(company, twin).add({ plain: { value: 1 }, salary: { value: 5000 } });
  const clerk = await createReader(world, company, { entry_rule: "entry_name == 'plain'" });

  const found = async (who: typeof clerk | typeof company, match: string) =>
    (await who.call("GET", `/twins?match=${encodeURIComponent(match)}`)).body.twins;
  expect(await found(company, "LEDGER.salary > 4000")).toEqual([twin]);
  expect(await found(clerk, "LEDGER.salary > 4000")).toEqual([]);
  expect(await found(clerk, "LEDGER.salary == null and LEDGER.plain == 1")).toEqual([twin]);

  const path = `/twins/${twin}/ledgers/personal`;
  const update = async (who: typeof clerk | typeof company, condition: string) => {
    const body = { entries: { plain: { value: 1 } }, conditions: { plain: condition } };
    return (await who.call("PATCH", path, body)).body.entries.plain;
  };
  expect(await update(company, "LEDGER.salary > 4000")).toMatchObject({ value: 1 });
  expect(await update(clerk, "LEDGER.salary > 4000")).toEqual({ error: "Condition not met." });
  expect(await update(clerk, "LEDGER.salary == null and value == 1")).toMatchObject({ value: 1 });
});
