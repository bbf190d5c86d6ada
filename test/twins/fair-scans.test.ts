import { expect, test } from "bun:test";
import { newTwin } from "../support/world/ledger.ts";
import { openWorld } from "../support/world/world.ts";

/** Takes some milliseconds per twin. */
const SLOW = `/twins?match=${encodeURIComponent("$sum([x * x for x in $range(2000)]) >= 0")}`;

test("while an account scans with expensive rules, other callers' requests and scans are served in between", async () => {
  await using world = await openWorld();
  const [loud, quiet] = [await world.createAccount("Loud"), await world.createAccount("Quiet")];
  for (let i = 0; i < 50; i++) await newTwin(loud);
  await newTwin(quiet);

  let scanned = 0;
  const scans = Array.from({ length: 10 }, () => loud.call("GET", SLOW).finally(() => scanned++));
  await new Promise<void>((done) => setImmediate(done));
  for (let i = 0; i < 5; i++) {
    expect((await quiet.call("GET", "/whoami")).status).toBe(200);
    expect((await quiet.call("GET", SLOW)).body.twins.length).toBe(1);
  }
  expect(scanned).toBe(0);
  for (const { body } of await Promise.all(scans)) expect([body.twins.length, body.cursor]).toEqual([50, null]);
});
