import { expect, test } from "bun:test";
import { openWorld } from "../support/world/world.ts";

const NOWHERE = "00000000-0000-4000-8000-000000000000";

/** Every operation on a ledger. */
const requests = (ledger: string, twin: string) =>
  [
    ["GET", `/twins/${twin}/ledgers/${ledger}`],
    ["GET", `/twins/${twin}/ledgers/${ledger}?entries=reading`],
    ["GET", `/twins/${twin}/ledgers/${ledger}/value`],
    ["GET", `/twins/${twin}/ledgers/${ledger}/history`],
    ["POST", `/twins/${twin}/ledgers/${ledger}`, { entries: { reading: { value: 1 } } }],
    ["POST", `/twins/${twin}/ledgers/${ledger}`, { entries: {} }],
    ["PATCH", `/twins/${twin}/ledgers/${ledger}`, { entries: { reading: { value: 2 } } }],
    ["PATCH", `/twins/${twin}/ledgers/${ledger}/value`, { entries: { reading: { value: 3 } } }],
    ["DELETE", `/twins/${twin}/ledgers/${ledger}?entries=reading`],
    ["DELETE", `/twins/${twin}/ledgers/${ledger}`],
  ] as const;

test("a twin that does not exist has no ledger, by any name", async () => {
  await using world = await openWorld();
  const meter = await world.createAccount();
  for (const ledger of ["personal", "owner", "creator", meter.account, NOWHERE]) {
    for (const [method, path, body] of requests(ledger, NOWHERE)) {
      expect([method, path, (await meter.call(method, path, body)).status]).toEqual([method, path, 404]);
    }
  }
});

test("a twin that the caller's role hides has no ledger either, although it has entries", async () => {
  await using world = await openWorld();
  const meter = await world.createAccount();
  const twin = (await meter.call("POST", "/twins", { description: { secret: true } })).body.creation_certificate.uuid;
  await meter.call("POST", `/twins/${twin}/ledgers/personal`, { entries: { reading: { value: 0 } } });
  const kept = await world.createUser(meter, { effect: "deny", actions: [] });
  await meter.call("PATCH", `/roles/${kept.role}`, { rules: { twin_rule: "TWIN.secret != true" } });

  for (const ledger of ["personal", "owner", meter.account]) {
    for (const [method, path, body] of requests(ledger, twin)) {
      expect([method, path, (await kept.call(method, path, body)).status]).toEqual([method, path, 404]);
    }
  }
  const { body } = await meter.call("GET", `/twins/${twin}/ledgers/personal`);
  expect(body.entries.reading.value).toBe(0);
});
