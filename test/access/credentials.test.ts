import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt, SignJWT } from "jose";
import { openWorld, type World } from "../support/world/world.ts";

const ALL = { effect: "deny", actions: null };
const MINUTE = 60_000;

const redeem = (world: World, account: string, pin: string, address?: string) =>
  world.call("POST", `/secrets/${account}/${pin}`, address ? { address } : {});

test("a colleague exchanges a PIN for a secret that only they see", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const role = (await admin.call("POST", "/roles")).body.uuid;
  const user = (await admin.call("POST", "/users", { role })).body.uuid;
  expect((await admin.call("GET", `/users/${user}/secrets`)).body.subcode).toBe(404_653);

  const made = await admin.call("POST", `/users/${user}/secrets`);
  expect([made.status, Object.keys(made.body)]).toEqual([201, ["pin"]]);
  expect(made.body.pin).toMatch(/^[A-Z0-9]{6}$/);

  const redeemed = await redeem(world, admin.account, made.body.pin);
  const now = world.clock.now() / 1000;
  expect(redeemed.status).toBe(201);
  expect(redeemed.body).toEqual({
    account: admin.account,
    user,
    secret: expect.stringMatching(/^[A-Za-z0-9+/]{64}$/),
    token: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    validity_ts: null,
    created_ts: now,
    updated_ts: now,
  });
  const me = { account: admin.account, user, role };
  expect((await world.caller(me, redeemed.body.secret).call("GET", "/whoami")).body).toEqual(me);
  const byToken = { headers: { "x-auth-token": redeemed.body.token } };
  expect((await world.call("GET", "/whoami", byToken)).body).toEqual(me);

  const about = await admin.call("GET", `/users/${user}/secrets`);
  const { secret, token, ...rest } = redeemed.body;
  expect(about.body).toEqual({ ...rest, fingerprint: secret.slice(-4) });
});

test("neither form of a secret is accepted as the other, whether or not it was used before", async () => {
  await using world = await openWorld();
  const user = await world.createAccount();
  const statusOf = async (headers: Record<string, string>) => (await world.call("GET", "/whoami", { headers })).status;
  for (let round = 0; round < 2; round++) {
    expect(await statusOf({ authorization: user.authorization })).toBe(200);
    expect(await statusOf({ "x-auth-token": user.token })).toBe(200);
    expect(await statusOf({ authorization: user.token })).toBe(401);
    expect(await statusOf({ "x-auth-token": user.authorization })).toBe(401);
  }
});

test("a PIN works once, for 10 minutes, and only the newest of a user", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const user = await world.createUser(admin, ALL);
  const makePin = async () => (await admin.call("POST", `/users/${user.user}/secrets`)).body.pin as string;
  const outcome = async (pin: string) => (await redeem(world, admin.account, pin)).status;

  const first = await makePin();
  const second = await makePin();
  expect(await outcome(first)).toBe(404);
  expect(await outcome(second.toLowerCase() === second ? "AAAAAA" : second.toLowerCase())).toBe(404);
  expect(await outcome(second)).toBe(201);
  expect(await outcome(second)).toBe(404);

  const third = await makePin();
  world.clock.advance(10 * MINUTE);
  expect(await outcome(third)).toBe(404);
  const fourth = await makePin();
  world.clock.advance(10 * MINUTE - 1);
  expect(await outcome(fourth)).toBe(201);
});

test("exactly one of many clients that redeem a PIN at once gets the secret", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const { pin } = (await admin.call("POST", `/users/${admin.user}/secrets`)).body;
  const answers = await Promise.all(Array.from({ length: 15 }, () => redeem(world, admin.account, pin)));
  expect(answers.filter(({ status }) => status === 201).length).toBe(1);
  expect(answers.filter(({ status }) => status === 404).length).toBe(14);
});

test("a new secret ends the old one and the tokens made under it", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const user = await world.createUser(admin, ALL);
  const { token } = (await user.call("POST", "/token")).body;
  const { pin } = (await admin.call("POST", `/users/${user.user}/secrets`)).body;
  const fresh = (await redeem(world, admin.account, pin)).body.secret;
  for (const [authorization, status] of [
    [user.authorization, 401],
    [token, 401],
    [fresh, 200],
  ] as const) {
    expect((await world.caller(user, authorization).call("GET", "/whoami")).status).toBe(status);
  }
});

test("a secret expires at its validity, to the millisecond, and works again when the validity is extended", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const user = await world.createUser(admin, ALL);
  const path = `/users/${user.user}/secrets`;
  const status = async () => (await user.call("GET", "/whoami")).status;
  const validity_ts = world.clock.now() / 1000 + 10.5;

  expect((await admin.call("PATCH", path, { validity_ts })).body.validity_ts).toBe(validity_ts);
  world.clock.advance(10_499);
  expect(await status()).toBe(200);
  world.clock.advance(1);
  expect(await status()).toBe(401);
  expect((await admin.call("PATCH", path, {})).body.validity_ts).toBe(validity_ts);
  expect((await admin.call("PATCH", path, { validity_ts: null })).body.validity_ts).toBeNull();
  expect(await status()).toBe(200);
  expect((await admin.call("PATCH", path, { validity_ts: 1707997021.2399 })).body.validity_ts).toBe(1707997021.239);
  expect((await admin.call("PATCH", path, { validity_ts: "1707997021" })).body.subcode).toBe(400_589);
});

test("a user token replaces the secret until the token expires", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const user = await world.createUser(admin, { effect: "allow", actions: ["create_user_token", "get_account"] });
  const validity_ts = world.clock.now() / 1000 + 60.25;
  const made = await user.call("POST", "/token", { validity_ts, secret_dict: { hidden: "truth" } });
  expect([made.status, made.body]).toEqual([201, { token: expect.any(String), options: [], validity_ts }]);
  expect(JSON.stringify(decodeJwt(made.body.token))).not.toContain("truth");

  const holder = world.caller(user, made.body.token);
  expect((await holder.call("GET", "/whoami")).body.user).toBe(user.user);
  expect((await holder.call("GET", "/account")).status).toBe(200);
  expect((await holder.call("GET", "/users")).status).toBe(403);
  world.clock.advance(60_249);
  expect((await holder.call("GET", "/account")).status).toBe(200);
  world.clock.advance(1);
  expect((await holder.call("GET", "/account")).status).toBe(401);
});

test("a token creates others and is refreshed only with the option for it, and passes on no more than it has", async () => {
  await using world = await openWorld();
  const user = await world.createAccount();
  const now = world.clock.now() / 1000;
  const make = async (authorization: string, body?: unknown) =>
    world.caller(user, authorization).call("POST", "/token", body);
  const refresh = async (authorization: string, body?: unknown) =>
    world.caller(user, authorization).call("POST", "/token/refresh", body);
  const tokenWith = async (body: unknown) => (await make(user.authorization, body)).body.token as string;

  const plain = await tokenWith({});
  const creating = await tokenWith({ options: ["create"], validity_ts: now + 100, secret_dict: { tier: 1 } });
  const refreshing = await tokenWith({ options: ["refresh", "refresh"], validity_ts: now + 100 });
  for (const refused of [
    make(plain),
    make(refreshing),
    refresh(plain),
    refresh(creating),
    refresh(user.authorization),
    make(creating, { options: ["refresh"] }),
    make(creating, { validity_ts: now + 101 }),
    make(creating, { validity_ts: null }),
  ]) {
    expect((await refused).body.subcode).toBe(403_535);
  }

  const child = await make(creating, { options: ["create"], secret_dict: { tier: 2, note: "x" } });
  expect([child.status, child.body.validity_ts]).toEqual([201, now + 100]);
  const dictionaries = world.query("SELECT secret_dict FROM user_tokens WHERE secret_dict LIKE '%note%'");
  expect(JSON.parse(dictionaries[0].secret_dict)).toEqual({ tier: 1, note: "x" });

  const refreshed = await refresh(refreshing, { validity_ts: now + 500 });
  expect([refreshed.status, refreshed.body]).toEqual([201, { token: expect.any(String), validity_ts: now + 500 }]);
  world.clock.advance(200_000);
  expect((await refresh(refreshing)).status).toBe(401);
  expect((await refresh(refreshed.body.token)).body.validity_ts).toBe(now + 500);
  expect((await refresh(refreshed.body.token, { validity_ts: null })).body.validity_ts).toBeNull();
  expect((await make(user.authorization, { options: ["fly"] })).body.subcode).toBe(400_589);
});

test("a token with a foreign signature or another algorithm is refused", async () => {
  await using world = await openWorld();
  const user = await world.createAccount();
  const { token } = (await user.call("POST", "/token")).body;
  const { jti = "" } = decodeJwt(token);
  const claims = { acc: user.account, opt: [] };
  const sign = (alg: string, key: Uint8Array) =>
    new SignJWT(claims).setProtectedHeader({ alg }).setJti(jti).setSubject(user.user).sign(key);
  const [header, body] = token.split(".");
  const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`;
  const forged = [
    await sign("HS256", new Uint8Array(32)),
    await sign("HS512", new Uint8Array(Buffer.concat([world.deps.userTokenKey, world.deps.userTokenKey]))),
    none,
    `${header}.${body}.`,
    "..",
    ".",
  ];
  for (const authorization of forged) {
    expect((await world.caller(user, authorization).call("GET", "/whoami")).body.subcode).toBe(401_000);
  }
  const unknown = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setJti("00000000-0000-4000-8000-000000000000")
    .sign(world.deps.userTokenKey);
  expect((await world.caller(user, unknown).call("GET", "/whoami")).body.subcode).toBe(401_000);
});

test("secrets, PINs and tokens are not stored, only what identifies them", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const user = await world.createUser(admin, ALL);
  const { pin } = (await admin.call("POST", `/users/${user.user}/secrets`)).body;
  const jwt = (await user.call("POST", "/token", { options: ["refresh"] })).body.token;
  await world.store.close();
  const kept = ["twinpost.db", "twinpost.db-wal"]
    .map((file) => Bun.file(join(world.dataDir, file)))
    .map((file) => (file.size > 0 ? readFileSync(file.name as string, "latin1") : ""))
    .join("");
  expect(kept).toContain(user.user);
  for (const secret of [admin.authorization, admin.token, user.authorization, user.token, pin, jwt]) {
    expect(kept).not.toContain(secret);
    expect(JSON.stringify(world.logged)).not.toContain(secret);
  }
});
