import { expect, test } from "bun:test";
import { openWorld } from "../support/world/world.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

test("a company creates a twin and finds it again", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const description = { object_type: "water meter", serial: "12345" };

  const created = await company.call("POST", "/twins", { description });
  expect(created.status).toBe(201);
  expect(created.body).toEqual({
    status: "alive",
    owner: company.account,
    updated_ts: world.clock.now() / 1000,
    creation_certificate: {
      uuid: expect.stringMatching(UUID),
      created_ts: world.clock.now() / 1000,
      creator: company.account,
    },
    description,
  });

  const found = await company.call("GET", `/twins/${created.body.creation_certificate.uuid}`);
  expect(found.status).toBe(200);
  expect(found.body).toEqual(created.body);
});

test("a description is kept, replaced and removed as a whole", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const create = async (body?: unknown) => (await company.call("POST", "/twins", body)).body;

  for (const nothing of [undefined, {}, null, { description: null }]) {
    expect(await create(nothing)).not.toHaveProperty("description");
  }
  expect((await create({ description: {} })).description).toEqual({});

  const path = `/twins/${(await create({ description: { a: 1, b: { c: [null, "x"] } } })).creation_certificate.uuid}`;
  world.clock.advance(1500);
  const untouched = await company.call("PATCH", path, {});
  expect(untouched.body.description).toEqual({ a: 1, b: { c: [null, "x"] } });
  expect(untouched.body.updated_ts).toBe(untouched.body.creation_certificate.created_ts);

  const replaced = await company.call("PATCH", path, { description: { b: 2 } });
  expect(replaced.body.description).toEqual({ b: 2 });
  expect(replaced.body.updated_ts).toBe(world.clock.now() / 1000);
  expect((await company.call("PATCH", path, { description: {} })).body.description).toEqual({});
  expect((await company.call("PATCH", path, { description: null })).body).not.toHaveProperty("description");
  expect((await company.call("GET", path)).body).not.toHaveProperty("description");
});

test("a description is any JSON under lower-case keys, and is returned unchanged", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const text =
    '{"__proto__":{"polluted":true},"constructor":1,"nul":"a\\u0000b","deep":{"__proto__":[1.5,-0.25,1e300]}}';

  const created = await company.call("POST", "/twins", undefined, { raw: `{"description":${text}}` });
  expect(created.status).toBe(201);
  const found = await company.call("GET", `/twins/${created.body.creation_certificate.uuid}`);
  expect(JSON.stringify(found.body.description)).toBe(JSON.stringify(JSON.parse(text)));

  for (const description of [{ Upper: 1 }, { "with space": 1 }, { "": 1 }, { ["x".repeat(65)]: 1 }, [], "text", 5]) {
    const refused = await company.call("POST", "/twins", { description });
    expect([refused.status, refused.body.subcode]).toEqual([400, 400_589]);
    expect(refused.body.description).toContain("description");
  }
});

test("a twin can be read by every caller who knows its id, and changed by its owner only", async () => {
  await using world = await openWorld();
  const owner = await world.createAccount();
  const stranger = await world.createAccount("Stranger");
  const { creation_certificate } = (await owner.call("POST", "/twins", { description: { a: 1 } })).body;
  const path = `/twins/${creation_certificate.uuid}`;

  expect((await stranger.call("GET", path)).body.description).toEqual({ a: 1 });
  for (const [method, body] of [["PATCH", { description: {} }], ["PATCH", {}], ["DELETE"]] as const) {
    const refused = await stranger.call(method, path, body);
    expect([refused.status, refused.body.subcode]).toEqual([403, 403_535]);
  }
  expect((await owner.call("GET", path)).body.description).toEqual({ a: 1 });
});

test("a terminated twin never changes again", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const path = `/twins/${(await company.call("POST", "/twins")).body.creation_certificate.uuid}`;
  world.clock.advance(2000);

  const terminated = await company.call("DELETE", path);
  expect(terminated.status).toBe(200);
  expect(terminated.body).toMatchObject({
    status: "terminated",
    updated_ts: world.clock.now() / 1000,
    termination_certificate: { issuer: company.account, terminated_ts: world.clock.now() / 1000 },
  });

  const again = await company.call("DELETE", path);
  expect([again.status, again.body.subcode]).toEqual([400, 400_358]);
  expect(again.body.description).toBe("Twin already terminated.");
  const late = await company.call("PATCH", path, { description: {} });
  expect([late.status, late.body.subcode]).toEqual([400, 400_979]);

  expect((await company.call("GET", path)).body).toEqual(terminated.body);
  expect((await company.call("GET", `${path}?show_terminated=True`)).status).toBe(200);
  expect((await company.call("GET", `${path}?show_terminated=False`)).body.subcode).toBe(404_653);
});

test("an unknown id is not found, and an invalid id is malformed", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  for (const method of ["GET", "PATCH", "DELETE"]) {
    expect((await company.call(method, `/twins/${UNKNOWN_ID}`)).body.subcode).toBe(404_653);
    for (const id of ["x", UNKNOWN_ID.toUpperCase().replace("4", "1"), "%00", "%ff", `${UNKNOWN_ID}%2F`]) {
      const refused = await company.call(method, `/twins/${id}`);
      expect([id, refused.status, refused.body.subcode]).toEqual([id, 400, 400_592]);
    }
  }
});

test("a scan visits every own twin once, in the order of creation, including those created meanwhile", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const stranger = await world.createAccount("Stranger");
  const create = async () => (await company.call("POST", "/twins")).body.creation_certificate.uuid;
  const expected: string[] = [];
  for (let i = 0; i < 7; i++) {
    expected.push(await create());
    await stranger.call("POST", "/twins");
  }
  await company.call("DELETE", `/twins/${expected[1]}`);

  const visited: string[] = [];
  let cursor: string | null = "";
  do {
    const page = await company.call("GET", `/twins?count=3&cursor=${encodeURIComponent(cursor ?? "")}`);
    expect(page.body.twins.length).toBeLessThanOrEqual(3);
    visited.push(...page.body.twins);
    cursor = page.body.cursor;
    if (visited.length === 3) expected.push(await create());
  } while (cursor !== null);
  expect(visited).toEqual(expected);

  const whole = await company.call("GET", "/twins?details=True");
  expect(whole.body.cursor).toBeNull();
  expect(
    whole.body.twins.map((twin: { creation_certificate: { uuid: string } }) => twin.creation_certificate.uuid),
  ).toEqual(expected);
  expect(whole.body.twins[1].status).toBe("terminated");
});

test("a scan's error names the wrong parameters", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const stranger = await world.createAccount("Stranger");
  const foreign = (await stranger.call("POST", "/twins")).body.creation_certificate.uuid;
  const base64 = (text: string) => encodeURIComponent(Buffer.from(text).toString("base64"));
  for (const [query, name] of [
    ["count=0", "count"],
    ["count=1001", "count"],
    ["count=ten", "count"],
    ["count=1.5", "count"],
    ["count=1&count=2", "count"],
    ["details=maybe", "details"],
    ["cursor=nonsense", "cursor"],
    [`cursor=${base64("\0")}`, "cursor"],
    [`cursor=${base64(foreign)}`, "cursor"],
  ]) {
    const refused = await company.call("GET", `/twins?${query}`);
    expect([query, refused.status, refused.body.subcode]).toEqual([query, 400, 400_592]);
    expect(refused.body.description).toContain(name);
  }
  expect((await company.call("GET", "/twins?match=TWIN.")).body.subcode).toBe(400_897);
  expect((await company.call("GET", "/twins?count=1000&unknown=1&match=")).status).toBe(200);
});

test("every change of a twin is journaled, and nothing else", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const id = (await company.call("POST", "/twins", { description: { a: 1 } })).body.creation_certificate.uuid;
  await company.call("PATCH", `/twins/${id}`, {});
  await company.call("PATCH", `/twins/${id}`, { description: { a: 2 } });
  await company.call("DELETE", `/twins/${id}`);
  await company.call("DELETE", `/twins/${id}`);

  const events = world.query("SELECT kind, account_id, actor_kind, actor_id, data FROM events WHERE twin_id = ?", id);
  const common = { account_id: company.account, actor_kind: "user", actor_id: company.user };
  expect(events).toEqual([
    { kind: "twin.created", ...common, data: '{"description":{"a":1}}' },
    { kind: "twin.updated", ...common, data: '{"description":{"a":2}}' },
    { kind: "twin.terminated", ...common, data: "{}" },
  ]);
});

test("a page of large twins ends early, with a cursor to the next", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const description = { text: "x".repeat(60_000) };
  for (let i = 0; i < 40; i++) await company.call("POST", "/twins", { description });
  const sizes: number[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await company.call("GET", `/twins?details=1&cursor=${encodeURIComponent(cursor)}`);
    sizes.push(page.body.twins.length);
    cursor = page.body.cursor;
  }
  expect(sizes).toEqual([17, 17, 6]);
});
