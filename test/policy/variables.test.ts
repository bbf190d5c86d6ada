import { expect, test } from "bun:test";
import { openWorld } from "../support/world/world.ts";

test("a rule that names members of every JavaScript object finds nothing there, and does no harm", async () => {
  await using world = await openWorld();
  const meter = await world.createAccount();
  await meter.call("POST", "/twins", {});
  for (const name of ["valueOf", "toString", "constructor", "hasOwnProperty", "__defineGetter__", "__proto__"]) {
    const { status, body } = await meter.call("GET", `/twins?match=${name}`);
    expect([name, status, body.twins]).toEqual([name, 200, []]);
  }
});

test("LEDGER shows all values of the caller's ledger, including those read through includes", async () => {
  await using world = await openWorld();
  const meter = await world.createAccount();
  const create = async () => (await meter.call("POST", "/twins", {})).body.creation_certificate.uuid as string;
  const [plain, including, none] = [await create(), await create(), await create()];
  const add = (twin: string, entries: object) => meter.call("POST", `/twins/${twin}/ledgers/personal`, { entries });
  await add(plain, {
    reading: { value: 4821.7 },
    __proto__x: { value: { unit: 'a "quoted" unit' } },
    no: { value: null },
  });
  await add(including, { shown: { include: { source: `twin://${plain}/reading` } }, other: { value: [1] } });
  const matching = async (rule: string) =>
    (await meter.call("GET", `/twins?match=${encodeURIComponent(rule)}`)).body.twins;

  expect(await matching("LEDGER.reading == 4821.7 and LEDGER.no == null")).toEqual([plain]);
  expect(await matching(`LEDGER.__proto__x.unit == 'a "quoted" unit'`)).toEqual([plain]);
  expect(await matching("LEDGER.shown == 4821.7 and LEDGER.other[0] == 1")).toEqual([including]);
  expect(await matching("LEDGER.length == 0")).toEqual([none]);
});

test("a scan in which few twins match finds the same ones as a scan of everything, page by page", async () => {
  await using world = await openWorld();
  const meter = await world.createAccount();
  const wanted: string[] = [];
  for (let n = 0; n < 330; n++) {
    const { body } = await meter.call("POST", "/twins", { description: { n } });
    if (n % 7 === 3) wanted.push(body.creation_certificate.uuid);
  }
  for (const count of [1, 5, 60, 1000]) {
    const found: string[] = [];
    let cursor = "";
    do {
      const { body } = await meter.call("GET", `/twins?match=TWIN.n%257==3&count=${count}&cursor=${cursor}`);
      found.push(...body.twins);
      cursor = body.cursor;
      expect(body.twins.length).toBeLessThanOrEqual(count);
    } while (cursor);
    expect(found).toEqual(wanted);
  }
});
