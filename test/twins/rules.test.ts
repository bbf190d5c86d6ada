import { expect, test } from "bun:test";
import { newTwin } from "../support/world/ledger.ts";
import { type Caller, type Json, openWorld, type World } from "../support/world/world.ts";

/** A user of the company whose role has these rules. */
async function userWith(world: World, company: Caller, rules: Json, description?: Json) {
  const user = await world.createUser(company, { effect: "deny", actions: null });
  const { uuid: role } = (await company.call("POST", "/roles", { rules })).body;
  await company.call("PATCH", `/users/${user.user}`, { role, description });
  return user;
}

test("a scan finds what matches, sees the caller's ledger, and continues from its cursor", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twins: string[] = [];
  for (let serial = 0; serial < 30; serial++)
    twins.push(await newTwin(company, { serial, kind: serial % 3 ? "gas" : "water" }));
  for (const [index, twin] of twins.entries()) {
    if (index % 2) continue;
    await company.call("POST", `/twins/${twin}/ledgers/personal`, { entries: { serial: { value: index } } });
  }
  const scan = async (match: string, rest = "") =>
    (await company.call("GET", `/twins?match=${encodeURIComponent(match)}${rest}`)).body;
  const some = (keep: (index: number) => boolean) => twins.filter((_, index) => keep(index));

  expect((await scan("TWIN.kind == 'water'")).twins).toEqual(some((index) => index % 3 === 0));
  expect((await scan("LEDGER.serial > 3")).twins).toEqual(some((index) => index % 2 === 0 && index > 3));
  expect((await scan(`ledger == '${company.account}' and TWIN.serial == 5`)).twins).toEqual(
    some((index) => index === 5),
  );
  expect((await scan("TWIN.nothing.at.all")).twins).toEqual([]);
  expect((await scan("TWIN.serial / 0 == 1")).twins).toEqual([]);

  const pages: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: Json = await scan("TWIN.kind == 'water'", `&count=4&cursor=${encodeURIComponent(cursor)}&details=true`);
    pages.push(...page.twins.map((twin: Json) => twin.creation_certificate.uuid));
    expect(page.twins.length).toBeLessThanOrEqual(4);
    cursor = page.cursor;
  }
  expect(pages).toEqual(some((index) => index % 3 === 0));
});

test("a scan without matches examines a limited number of twins per call, and returns a cursor", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  for (let batch = 0; batch < 21; batch++) {
    await Promise.all(Array.from({ length: 100 }, () => company.call("POST", "/twins")));
  }
  const first = (await company.call("GET", "/twins?match=false")).body;
  expect(first.twins).toEqual([]);
  const second = (await company.call("GET", `/twins?match=false&cursor=${encodeURIComponent(first.cursor)}`)).body;
  expect(second).toEqual({ cursor: null, twins: [] });
});

test("a role's twin rule hides twins from its users everywhere, and prevents them from creating twins that it would hide", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const north = await newTwin(company, { site: "north" });
  const south = await newTwin(company, { site: "south" });
  const user = await userWith(world, company, { twin: "TWIN.site == USER.site" }, { site: "north" });

  for (const [method, path, body] of [
    ["GET", `/twins/${south}`],
    ["PATCH", `/twins/${south}`, { description: { site: "north" } }],
    ["DELETE", `/twins/${south}`],
    ["GET", `/twins/${south}/ledgers/personal`],
    ["POST", `/twins/${south}/ledgers/personal`, { entries: { a: { value: 1 } } }],
    ["GET", `/twins/${south}/identities`],
    ["POST", `/twins/${south}/identities`, { identities: { "NFC#1": {} } }],
  ] as const) {
    const refused = await user.call(method, path, body);
    expect([method, path, refused.status, refused.body.subcode]).toEqual([method, path, 404, 404_653]);
  }
  expect((await user.call("GET", `/twins/${north}`)).status).toBe(200);
  expect((await user.call("GET", "/twins")).body.twins).toEqual([north, south]);
  expect((await user.call("GET", "/twins?match=true")).body.twins).toEqual([north]);
  const detailed = (await user.call("GET", "/twins?details=true")).body.twins;
  expect(detailed.map((twin: Json) => twin.description)).toEqual([{ site: "north" }]);

  expect((await user.call("PATCH", `/twins/${north}`, { description: { site: "south" } })).status).toBe(403);
  expect((await user.call("POST", "/twins", { description: { site: "south" } })).status).toBe(403);
  expect((await user.call("POST", "/twins", { description: { site: "north" } })).status).toBe(201);
});

test("rules see the dictionary of the request and the token's secret dictionary", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company, { tenant: "north" });
  const byHeader = await userWith(world, company, { twin: "TWIN.tenant == DICT.tenant" });
  const dictionary = (value: Json) => ({
    headers: { "x-trustedtwin": Buffer.from(JSON.stringify(value)).toString("base64") },
  });
  const path = `/twins/${twin}`;
  expect((await byHeader.call("GET", path)).status).toBe(404);
  expect((await byHeader.call("GET", path, undefined, dictionary({ tenant: "south" }))).status).toBe(404);
  expect((await byHeader.call("GET", path, undefined, dictionary({ tenant: "north" }))).status).toBe(200);
  const change = { description: { tenant: "north", checked: true } };
  expect((await byHeader.call("PATCH", path, change, dictionary({ tenant: "north" }))).status).toBe(200);

  const byToken = await userWith(world, company, { twin: "TWIN.tenant == SECRET.tenant" });
  const tokenOf = async (secret_dict: Json) =>
    world.caller(byToken, (await byToken.call("POST", "/token", { secret_dict })).body.token);
  expect((await byToken.call("GET", path)).status).toBe(404);
  expect((await (await tokenOf({ tenant: "south" })).call("GET", path)).status).toBe(404);
  expect((await (await tokenOf({ tenant: "north" })).call("GET", path)).status).toBe(200);
});

test("a changed rule counts from the next request on, and so does a changed description of the user", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company, { site: "north" });
  const user = await userWith(world, company, { twin: "TWIN.site == USER.site" }, { site: "north" });
  const { role } = (await user.call("GET", "/whoami")).body;
  const status = async () => (await user.call("GET", `/twins/${twin}`)).status;
  expect(await status()).toBe(200);
  await company.call("PATCH", `/users/${user.user}`, { description: { site: "south" } });
  expect(await status()).toBe(404);
  await company.call("PATCH", `/roles/${role}`, { rules: { twin: "TWIN.site == 'north'" } });
  expect(await status()).toBe(200);
  await company.call("PATCH", `/roles/${role}`, { rules: { twin: "false" } });
  expect(await status()).toBe(404);
});

test("a scan takes the time that an expensive rule needs; a read that would evaluate it thousands of times is refused", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  for (let i = 0; i < 30; i++) await newTwin(company, { i });
  // Most of what one rule may take.
  const slow = "$sum([x * x for x in $range(2000)]) >= 0";
  const first = (await company.call("GET", `/twins?match=${encodeURIComponent(slow)}`)).body;
  expect([first.twins.length, first.cursor]).toEqual([30, null]);

  const [twin] = first.twins;
  const entries = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`e${i}`, { value: i }]));
  await company.call("POST", `/twins/${twin}/ledgers/personal`, { entries });
  const user = await userWith(world, company, { entry: slow });
  const refused = await user.call("GET", `/twins/${twin}/ledgers/personal`);
  expect([refused.status, refused.body.subcode]).toEqual([400, 400_979]);
  expect((await user.call("GET", `/twins/${twin}/ledgers/personal?entries=e1,e2`)).status).toBe(200);
});
