import { expect, test } from "bun:test";
import { NO_RULES, type UserActor } from "../../src/kernel/actor.ts";
import { DomainError } from "../../src/kernel/failure.ts";
import type { JsonText } from "../../src/kernel/json-text.ts";
import { putSticker } from "../../src/stickers/put-sticker.ts";
import { removeSticker } from "../../src/stickers/remove-sticker.ts";
import { newTwin } from "../support/world/ledger.ts";
import { messages } from "../support/world/published-messages.ts";
import { openStickers } from "../support/world/sticker.ts";

test("a request with an invalid sticker is refused as a whole, and nothing is put", async () => {
  await using opened = await openStickers();
  const { world, desk, path, recipients, put, seconds } = opened;
  const ids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID());
  const wrong: unknown[] = [
    null,
    1,
    "red",
    [],
    {},
    { recipients: [] },
    { recipients: null },
    { recipients: desk.user },
    { recipients: ["nobody"] },
    { recipients: [desk.user.toUpperCase()] },
    { recipients: ids(101) },
    { recipients: [null] },
    { recipients, note: "x".repeat(513) },
    { recipients, note: 1 },
    { recipients, message: "x".repeat(513) },
    { recipients, validity_ts: seconds() },
    { recipients, validity_ts: seconds() - 1 },
    { recipients, validity_ts: seconds() + 365 * 86_400 + 0.001 },
    { recipients, validity_ts: "tomorrow" },
    { recipients, publish: "on_put" },
    { recipients, publish: ["on_time"] },
    { recipients, publish: 1 },
    { recipients, publish: { on_time: ["x"] } },
    { recipients, publish: { on_put: [""] } },
    { recipients, publish: { on_put: "a b" } },
    { recipients, publish: { on_put: ["x".repeat(128)] } },
    { recipients, publish: { on_put: [1] } },
  ];
  for (const red of wrong) {
    const refused = await put({ fine: { recipients, publish: ["on_put"] }, red });
    expect([red, refused.status, refused.body.subcode]).toEqual([red, 400, 400_589]);
  }
  for (const color of ["", "x".repeat(129), "a b", "röt", "a.b", "a/b"]) {
    const refused = await put({ fine: { recipients }, [color]: { recipients } });
    expect([color, refused.status, refused.body.subcode]).toEqual([color, 400, 400_589]);
  }
  // The color is the topic here, and topics are shorter.
  expect((await put({ ["x".repeat(128)]: { recipients, publish: ["on_put"] } })).body.subcode).toBe(400_589);
  for (const body of [undefined, {}, { stickers: null }, { stickers: [] }, { stickers: "red" }]) {
    expect([body, (await desk.call("POST", path, body)).body.subcode]).toEqual([body, 400_589]);
  }
  expect(messages(world)).toEqual([]);
  expect(world.query("SELECT count(*) AS count FROM stickers")).toEqual([{ count: 0 }]);
});

test("a sticker just within the limits is put", async () => {
  await using opened = await openStickers();
  const { desk, put, get, recipients, seconds } = opened;
  const hundred = Array.from({ length: 100 }, () => crypto.randomUUID());
  const color = "x".repeat(128);
  const { status, body } = await put({
    [color]: { recipients: [...hundred, ...hundred], note: "🔧".repeat(512) },
    a: { recipients, validity_ts: seconds() + 0.001 },
    b: { recipients, validity_ts: seconds() + 365 * 86_400, publish: { on_put: "x".repeat(127) } },
    "A-b_9": { recipients },
  });
  expect([status, Object.values(body.stickers).filter((item) => "error" in (item as object))]).toEqual([201, []]);
  expect(body.stickers[color].recipients).toEqual(hundred);
  const odd = 'a\u0000b\n"c"\u2028';
  expect((await put({ odd: { recipients, note: odd } })).body.stickers.odd.note).toBe(odd);
  expect((await get(desk, "odd")).body.note).toBe(odd);
  expect((await put({})).body).toEqual({ stickers: {} });
});

test("malformed queries and paths are refused", async () => {
  await using opened = await openStickers();
  const { desk, path, put, recipients } = opened;
  await put({ red: { recipients } });
  const queries = ["limit=101", "limit=-1", "limit=x", "offset=-1", "offset=1e3", "offset=100001", "ge=x", "le=-1"];
  for (const query of [
    ...queries,
    "context=everybody",
    "context=",
    `context=${desk.user},${desk.account}`,
    "color=a%20b",
    "color=a&color=b",
  ]) {
    const refused = await desk.call("GET", `/stickers?${query}`);
    expect([query, refused.status, refused.body.subcode]).toEqual([query, 400, 400_592]);
  }
  for (const [method, where] of [
    ...([
      ["GET", `${path}?context=x`],
      ["GET", `${path}/red?context=x`],
      ["DELETE", `${path}/red?context=x`],
    ] as const),
    ...([
      ["GET", `${path}/a%20b`],
      ["DELETE", `${path}/a%2Fb`],
      ["GET", "/twins/x/stickers"],
    ] as const),
  ]) {
    const refused = await desk.call(method, where);
    expect([where, refused.status, refused.body.subcode]).toEqual([where, 400, 400_592]);
  }
});

test("requests for stickers on an unknown twin get 404; a terminated twin accepts stickers", async () => {
  await using opened = await openStickers();
  const { company, desk, twin, recipients, put, colors, remove } = opened;
  const nowhere = `/twins/${crypto.randomUUID()}/stickers`;
  for (const answer of [
    await desk.call("GET", nowhere),
    await desk.call("POST", nowhere, { stickers: { red: { recipients } } }),
    await desk.call("GET", `${nowhere}/red`),
    await desk.call("DELETE", `${nowhere}/red`),
  ]) {
    expect([answer.status, answer.body.description]).toEqual([404, "Twin not found."]);
  }
  await company.call("DELETE", `/twins/${twin}`);
  expect((await put({ red: { recipients } })).body.stickers.red.recipients).toEqual(recipients);
  expect(await colors(desk)).toEqual(["red"]);
  expect((await remove(desk, "red")).status).toBe(200);
});

test("role rules are not evaluated for stickers, but a twin that a twin rule hides from a user is not found", async () => {
  await using opened = await openStickers();
  const { world, company, twin, put, get, remove, colors } = opened;
  const fitter = await world.createUser(company, { effect: "deny", actions: null });
  await put({ red: { recipients: [fitter.user] } });
  const rules = (twin_rule: string | null) =>
    company.call("PATCH", `/roles/${fitter.role}`, {
      rules: { twin_rule, entry_rule: "false", identity_rule: "false" },
    });
  await rules("TWIN.site == 'north'");
  for (const answer of [
    await get(fitter, "red"),
    await remove(fitter, "red"),
    await put({ blue: { recipients: [fitter.user] } }, fitter),
  ]) {
    expect([answer.status, answer.body.description]).toEqual([404, "Twin not found."]);
  }
  expect((await fitter.call("GET", `/twins/${twin}/stickers`)).status).toBe(404);
  // They are a recipient by name, so their list has it.
  expect(await colors(fitter)).toEqual(["red"]);
  await company.call("PATCH", `/twins/${twin}`, { description: { site: "north" } });
  expect((await remove(fitter, "red")).status).toBe(200);

  // Without a twin rule, twins of other accounts are reachable too.
  const stranger = await world.createAccount("Stranger");
  const theirs = await newTwin(stranger);
  await rules(null);
  await company.call("POST", `/twins/${theirs}/stickers`, { stickers: { red: { recipients: [fitter.user] } } });
  expect((await fitter.call("DELETE", `/twins/${theirs}/stickers/red`)).status).toBe(200);
});

test("a user who loses right, role or account between request and write neither puts nor removes", async () => {
  await using opened = await openStickers();
  const { world, company, twin, put, colors } = opened;
  const everything = { effect: "deny", actions: null } as const;
  const endings: ((fitter: Awaited<ReturnType<typeof world.createUser>>) => Promise<unknown>)[] = [
    ({ role }) => company.call("PATCH", `/roles/${role}`, { statement: { effect: "allow", actions: ["get_sticker"] } }),
    ({ role }) => company.call("DELETE", `/roles/${role}`),
    ({ user }) => company.call("DELETE", `/users/${user}`),
    // The sticker is addressed to the role: a user who now has another role is no recipient.
    ({ user }) => company.call("PATCH", `/users/${user}`, { role: company.role }),
  ];
  for (const [n, end] of endings.entries()) {
    const fitter = await world.createUser(company, everything);
    await put({ [`c${n}`]: { recipients: [fitter.role, company.user] } });
    const [{ epoch: accessEpoch }] = world.query("SELECT epoch FROM access_epoch");
    const asTheyStood: UserActor = {
      kind: "user",
      accountId: company.account,
      userId: fitter.user,
      roleId: fitter.role,
      statement: everything,
      rules: NO_RULES,
      expiresAt: null,
      accessEpoch,
    };
    await end(fitter);
    const removal = { path: { twin, color: `c${n}` }, context: "personal" as const };
    await expect(world.store.write(removeSticker, asTheyStood, removal)).rejects.toBeInstanceOf(DomainError);
    if (n === 3) continue;
    const wish = { note: null, recipients: "[]" as JsonText, publish: "{}" as JsonText, expiresAt: null };
    const wishes = { twinId: twin, stickers: [["new", wish]] as [string, typeof wish][] };
    await expect(world.store.write(putSticker, asTheyStood, wishes)).rejects.toBeInstanceOf(DomainError);
  }
  expect(await colors(company)).toEqual(["c3", "c2", "c1", "c0"]);
});

test("an account has at most 10 000 stickers on a twin", async () => {
  await using opened = await openStickers();
  const { world, company, twin, recipients, put } = opened;
  const fill = {
    name: "fill",
    run: (tx: { now: number; run(sql: string, ...binds: (string | number)[]): number }) =>
      tx.run(
        `INSERT INTO stickers (twin_id, account_id, color, recipients, publish, created_at, expires_at)
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
         SELECT ?, ?, 'c' || i, ?, '{}', ?, ? FROM n`,
        twin,
        company.account,
        JSON.stringify(recipients),
        tx.now,
        tx.now + 60_000,
      ),
  };
  expect(await world.store.write(fill, { kind: "system" }, {})).toBe(9999);
  const { stickers } = (await put({ last: { recipients }, over: { recipients } })).body;
  expect(stickers.last.recipients).toEqual(recipients);
  expect(stickers.over).toEqual({ error: "Too many Stickers on the Twin." });
});
