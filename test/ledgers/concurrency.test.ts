import { expect, test } from "bun:test";
import { Authenticator, credentialFrom } from "../../src/access/model/authenticate.ts";
import { writeJson } from "../../src/kernel/json-text.ts";
import { updateTwinLedgerEntryValue } from "../../src/ledgers/update-twin-ledger-entry-value.ts";
import { LEDGER_RECORDS, RECENT_MAX } from "../support/world/ledger-records.ts";
import { openWorld } from "../support/world/world.ts";
import { createTwin, ledgerOf } from "./ledger-world.ts";

const WRITES = 8_000;
const KEPT = 1000;

test("after 8 000 concurrent writes to one entry it has the last value, its history the newest 1 000, and the journal all of them", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await createTwin(company);
  const ledger = ledgerOf(company, twin);
  await ledger.add({ reading: { value: -1, history: "1M" } });
  const actor = await new Authenticator(world.deps).authenticate(credentialFrom(company.authorization));
  const steps = Array.from({ length: WRITES }, (_, step) => step);

  const answers = await Promise.all(
    steps.map((step) =>
      world.store.write(updateTwinLedgerEntryValue, actor, {
        path: { twin, ledger: "personal" },
        entries: [["reading", { value: writeJson(step) }]],
        options: { conditions: [], transaction: false },
      }),
    ),
  );
  expect(answers.map(([outcome]) => outcome?.[1])).toMatchObject(steps.map((step) => ({ value: String(step) })));

  world.clock.advance(WRITES + 1);
  expect((await ledger.entry("reading")).value).toBe(WRITES - 1);
  const records = Object.entries(await ledger.history("reading", `&limit=${KEPT}`));
  expect(records.map(([, value]) => value)).toEqual(steps.slice(-KEPT).reverse());
  const instants = records.map(([instant]) => Number(instant)).reverse();
  expect(instants.every((instant, index) => index === 0 || instant > (instants[index - 1] as number))).toBe(true);
  const [{ kept }] = world.query(`SELECT count(*) AS kept FROM ${LEDGER_RECORDS}`);
  expect(kept).toBeWithin(KEPT, KEPT + RECENT_MAX + 1);

  const events = world.query("SELECT sequence, data FROM events WHERE kind = 'ledger.entry.updated' ORDER BY sequence");
  const changes = events.map(({ data }) => JSON.parse(data).entries.reading);
  expect(changes.map(({ old_value, new_value }) => [old_value, new_value])).toEqual(
    steps.map((step) => [step - 1, step]),
  );
  const first = events[0].sequence;
  expect(events.map(({ sequence }) => sequence)).toEqual(steps.map((step) => first + step));
}, 60_000);
