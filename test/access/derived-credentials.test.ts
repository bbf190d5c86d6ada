import { expect, test } from "bun:test";
import { resetUserSecret } from "../../src/access/secrets/reset-user-secret.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { type Caller, type Json, openWorld } from "../support/world/world.ts";

// What is derived from a secret — tokens, PINs, other secrets — never permits more, nor lasts longer, than its source.

const ALL = { effect: "deny", actions: null };
const allow = (...actions: string[]) => ({ effect: "allow", actions });
const CLERK = allow("create_user", "update_user", "delete_user", "create_user_secret_pin", "update_user_secret");
const MINUTE = 60_000;

type Hands = Pick<Caller, "call">;

async function open(clerkStatement: Json = CLERK) {
  const world = await openWorld();
  const admin = await world.createAccount();
  const clerk = await world.createUser(admin, clerkStatement);
  const make = async (path: string, body: Json, by: Hands = admin) => (await by.call("POST", path, body)).body.uuid;
  const role = (statement: Json, rules?: Json) => make("/roles", { statement, rules });
  const pinOf = async (user: string, by: Hands, body?: Json) =>
    (await by.call("POST", `/users/${user}/secrets`, body)).body.pin;
  const redeem = (pin: string) => world.call("POST", `/secrets/${admin.account}/${pin}`);
  const holder = (authorization: string) => world.caller(admin, authorization);
  const status = async (authorization: string) => (await holder(authorization).call("GET", "/whoami")).status;
  /** The secret that a PIN for the user yields. */
  const secretBy = async (by: Hands, user: string, body?: Json) =>
    (await redeem(await pinOf(user, by, body))).body.secret as string;
  const seconds = (ms: number) => (world.clock.now() + ms) / 1000;
  const tokenOf = async (by: Hands, body?: Json) => (await by.call("POST", "/token", body)).body.token as string;
  const journal = (kind: string) =>
    world.query("SELECT data FROM events WHERE kind = ?", kind).map(({ data }) => JSON.parse(data));
  return {
    world,
    admin,
    clerk,
    make,
    role,
    pinOf,
    redeem,
    holder,
    status,
    secretBy,
    seconds,
    tokenOf,
    journal,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

const outcome = async (answer: Promise<{ status: number; body: Json }>) => {
  const { status, body } = await answer;
  return [status, body.subcode ?? null];
};
const FORBIDDEN = [403, 403_535];

test("a token cannot create, prolong or end the secret that it stands in for", async () => {
  await using it = await open();
  const { admin } = it;
  const own = `/users/${admin.user}/secrets`;
  for (const body of [{ options: [], validity_ts: it.seconds(3000) }, { options: ["create", "refresh"] }]) {
    const token = it.holder(await it.tokenOf(admin, body));
    for (const refused of [
      token.call("POST", own),
      token.call("PATCH", own, { validity_ts: null }),
      token.call("DELETE", own),
    ]) {
      expect(await outcome(refused)).toEqual(FORBIDDEN);
    }
  }
  expect(await it.status(admin.authorization)).toBe(200);
});

test("a token makes PINs only if it permits everything that the secret does, and not beyond its own end", async () => {
  await using it = await open();
  const { admin, world } = it;
  const user = await it.make("/users", { role: await it.role(allow("create_user_token")) });
  const path = `/users/${user}/secrets`;
  const validity_ts = it.seconds(3 * MINUTE);
  const both = ["create", "refresh"];
  for (const less of [
    {},
    { options: ["create"] },
    { options: ["refresh"] },
    { options: both, secret_dict: { tier: 1 } },
  ]) {
    const token = it.holder(await it.tokenOf(admin, { validity_ts, ...less }));
    expect(await outcome(token.call("POST", path))).toEqual(FORBIDDEN);
  }
  const token = it.holder(await it.tokenOf(admin, { options: both, validity_ts }));
  expect(await outcome(token.call("POST", path, { validity_ts: null }))).toEqual(FORBIDDEN);
  expect(await outcome(token.call("POST", path, { validity_ts: it.seconds(3 * MINUTE + 1) }))).toEqual(FORBIDDEN);
  expect((await it.redeem(await it.pinOf(user, token, { validity_ts: it.seconds(1000) }))).body.validity_ts).toBe(
    it.seconds(1000),
  );
  const made = await it.redeem(await it.pinOf(user, token));
  expect([made.status, made.body.validity_ts]).toEqual([201, validity_ts]);
  expect(await outcome(token.call("PATCH", path, { validity_ts: null }))).toEqual(FORBIDDEN);
  // Other users may not prolong it either: its maker may know it.
  expect(await outcome(admin.call("PATCH", path, { validity_ts: null }))).toEqual(FORBIDDEN);

  const late = await it.pinOf(user, token);
  world.clock.advance(3 * MINUTE);
  expect(await it.status(made.body.secret)).toBe(401);
  expect((await it.redeem(late)).status).toBe(404);
});

test("a secret with an expiry cannot create a secret or token with a later expiry", async () => {
  await using it = await open(ALL);
  const { admin, clerk } = it;
  const end = it.seconds(MINUTE);
  await admin.call("PATCH", `/users/${clerk.user}/secrets`, { validity_ts: end });
  const user = await it.make("/users", { role: await it.role(CLERK) });
  const path = `/users/${user}/secrets`;
  expect(await outcome(clerk.call("POST", path, { validity_ts: null }))).toEqual(FORBIDDEN);
  expect(await outcome(clerk.call("POST", `/users/${clerk.user}/secrets`, { validity_ts: null }))).toEqual(FORBIDDEN);
  expect((await it.redeem(await it.pinOf(user, clerk))).body.validity_ts).toBe(end);
  expect(await outcome(clerk.call("PATCH", path, { validity_ts: it.seconds(2 * MINUTE) }))).toEqual(FORBIDDEN);
  expect((await clerk.call("PATCH", path, { validity_ts: it.seconds(1000) })).status).toBe(200);
  expect((await clerk.call("PATCH", path, { validity_ts: end })).status).toBe(200);
  for (const asked of [{}, { validity_ts: null }, { validity_ts: it.seconds(2 * MINUTE) }]) {
    expect((await clerk.call("POST", "/token", asked)).body.validity_ts).toBe(end);
  }
  const refreshing = it.holder(await it.tokenOf(clerk, { options: ["refresh"] }));
  expect((await refreshing.call("POST", "/token/refresh", { validity_ts: null })).body.validity_ts).toBe(end);
});

test("users prolong their own secret up to what another user gave it, and a new one that they make themselves has the same bound", async () => {
  await using it = await open(ALL);
  const { admin, clerk } = it;
  const path = `/users/${clerk.user}/secrets`;
  const prolong = async (by: Hands, validity_ts: number | null) =>
    (await by.call("PATCH", path, { validity_ts })).status;
  // An earlier end that users set themselves can be undone, one that another user set cannot.
  expect([await prolong(clerk, it.seconds(1000)), await prolong(clerk, null)]).toEqual([200, 200]);
  expect([await prolong(admin, it.seconds(MINUTE)), await prolong(clerk, null)]).toEqual([200, 403]);
  expect([await prolong(clerk, it.seconds(1000)), await prolong(clerk, it.seconds(MINUTE))]).toEqual([200, 200]);
  const fresh = it.holder(await it.secretBy(clerk, clerk.user));
  expect([await prolong(fresh, it.seconds(MINUTE + 1)), await prolong(fresh, it.seconds(MINUTE))]).toEqual([403, 200]);
  expect(await prolong(admin, null)).toBe(200);
});

test("a user whose role was deleted can be changed only by users with all rights", async () => {
  await using it = await open(allow(...CLERK.actions, "delete_user_secret"));
  const { admin, clerk } = it;
  const strong = await it.world.createUser(admin, ALL);
  const weakRole = await it.role(allow("get_twin"));
  await admin.call("DELETE", `/roles/${strong.role}`);
  const user = `/users/${strong.user}`;
  const attempts = (by: Hands) => [
    by.call("POST", `${user}/secrets`),
    by.call("PATCH", `${user}/secrets`, { validity_ts: 0 }),
    by.call("PATCH", user, { role: weakRole }),
    by.call("PATCH", user, { description: { company: "mine" } }),
    by.call("DELETE", `${user}/secrets`),
    by.call("DELETE", user),
  ];
  const almost = await it.world.createUser(admin, { effect: "deny", actions: ["get_twin"] });
  const bound = await it.make("/users", { role: await it.role(ALL, { entry_rule: "true" }) });
  for (const by of [clerk, almost, it.holder(await it.secretBy(admin, bound))]) {
    for (const refused of attempts(by)) expect(await outcome(refused)).toEqual(FORBIDDEN);
  }
  // The user's secret stays valid once they have a role again.
  expect((await admin.call("PATCH", user, { role: admin.role })).body.ended_secrets).toBeUndefined();
  expect(await it.status(strong.authorization)).toBe(200);
});

test("a PIN or secret that a weaker user made ends when its user is given more, and the answers say so", async () => {
  await using it = await open();
  const { admin, clerk } = it;
  const weak = await it.role(allow("create_user"));
  const user = await it.make("/users", { role: weak });
  const path = `/users/${user}`;

  const pin = await it.pinOf(user, clerk);
  await admin.call("PATCH", path, { role: admin.role });
  expect((await it.redeem(pin)).status).toBe(404);
  await admin.call("PATCH", path, { role: weak });

  const secret = await it.secretBy(clerk, user);
  const token = await it.tokenOf(it.holder(secret));
  const promoted = await admin.call("PATCH", path, { role: admin.role });
  expect([promoted.status, promoted.body.ended_secrets]).toEqual([200, 1]);
  expect(it.journal("secret.outgrown")).toEqual([{ users: [user] }]);
  expect([await it.status(secret), await it.status(token)]).toEqual([401, 401]);
  expect((await admin.call("GET", `${path}/secrets`)).status).toBe(404);

  const given = await it.secretBy(admin, user);
  await admin.call("PATCH", path, { role: weak });
  expect((await admin.call("PATCH", path, { role: admin.role })).body.ended_secrets).toBeUndefined();
  expect(await it.status(given)).toBe(200);
});

test("a role that is changed to permit more ends what weaker users made for its users, and nothing else", async () => {
  await using it = await open();
  const { admin, clerk } = it;
  const role = await it.role(allow("create_user"));
  const users = await Promise.all(Array.from({ length: 4 }, () => it.make("/users", { role })));
  const byClerk = await Promise.all(users.slice(0, 3).map((user) => it.secretBy(clerk, user)));
  const byAdmin = await it.secretBy(admin, users[3]);
  const change = (body: Json) => admin.call("PATCH", `/roles/${role}`, body);

  expect((await change({ statement: allow("update_user") })).body.ended_secrets).toBeUndefined();
  expect((await change({ name: "Other name" })).body.ended_secrets).toBeUndefined();
  const pin = await it.pinOf(users[3], clerk);
  expect((await change({ statement: allow("get_twin") })).body.ended_secrets).toBe(3);
  expect(await Promise.all([...byClerk, byAdmin].map(it.status))).toEqual([401, 401, 401, 200]);
  expect((await it.redeem(pin)).status).toBe(404);
  expect(it.journal("secret.outgrown")[0].users.toSorted()).toEqual(users.slice(0, 3).toSorted());
});

test("credentials made by a user whom a rule bound end when the rule is removed", async () => {
  await using it = await open();
  const { admin } = it;
  const rules = { entry_rule: "entry_name == 'a'" };
  const role = await it.role(CLERK, rules);
  const clerk = it.holder(await it.secretBy(admin, await it.make("/users", { role })));
  const user = await it.make("/users", { role });
  for (const change of [
    () => admin.call("PATCH", `/roles/${role}`, { rules: { entry_rule: null } }),
    async () => admin.call("PATCH", `/users/${user}`, { role: await it.role(allow("create_user")) }),
  ]) {
    const secret = await it.secretBy(clerk, user);
    expect(await it.status(secret)).toBe(200);
    expect((await change()).body.ended_secrets).toBe(1);
    expect(await it.status(secret)).toBe(401);
    await admin.call("PATCH", `/roles/${role}`, { rules });
  }
});

test("a secret that users made for themselves keeps the bounds of the one that it replaces", async () => {
  await using it = await open();
  const { admin, clerk } = it;
  const own = await it.secretBy(clerk, clerk.user);
  expect((await admin.call("PATCH", `/users/${clerk.user}`, { role: admin.role })).body.ended_secrets).toBeUndefined();
  expect(await it.status(own)).toBe(200);

  const second = await it.world.createUser(admin, CLERK);
  const puppet = await it.make("/users", { role: second.role }, second);
  const stolen = it.holder(await it.secretBy(second, puppet));
  const again = await it.secretBy(stolen, puppet);
  expect((await admin.call("PATCH", `/users/${puppet}`, { role: admin.role })).body.ended_secrets).toBe(1);
  expect(await it.status(again)).toBe(401);
});

test("a PIN is limited to its maker's rights at the time of redemption", async () => {
  await using it = await open();
  const { admin } = it;
  const user = await it.make("/users", { role: await it.role(allow("create_user")) });
  const lesser = await it.role(allow("create_user_secret_pin"));
  const none = await it.role(allow("create_user"));
  for (const change of [
    (clerk: Caller) => admin.call("PATCH", `/users/${clerk.user}`, { role: lesser }),
    (clerk: Caller) => admin.call("PATCH", `/users/${clerk.user}`, { role: none }),
    (clerk: Caller) => admin.call("DELETE", `/roles/${clerk.role}`),
    (clerk: Caller) => admin.call("DELETE", `/users/${clerk.user}`),
    (clerk: Caller) => admin.call("DELETE", `/users/${clerk.user}/secrets`),
    (clerk: Caller) => admin.call("PATCH", `/users/${clerk.user}/secrets`, { validity_ts: 0 }),
    (clerk: Caller) => it.secretBy(admin, clerk.user),
  ]) {
    const clerk = await it.world.createUser(admin, CLERK);
    const pin = await it.pinOf(user, clerk);
    await change(clerk);
    expect([change.toString(), (await it.redeem(pin)).status]).toEqual([change.toString(), 404]);
  }
});

test("a PIN redeemed during a promotion yields no more than before it", async () => {
  await using it = await open();
  const { admin, clerk } = it;
  const weak = await it.role(allow("create_user"));
  for (let round = 0; round < 12; round++) {
    const user = await it.make("/users", { role: weak });
    const pin = await it.pinOf(user, clerk);
    const promote = () => admin.call("PATCH", `/users/${user}`, { role: admin.role });
    const [redeemed] = await Promise.all(
      round % 2 ? [it.redeem(pin), promote()] : [promote().then(() => it.redeem(pin)), null],
    );
    if (redeemed.status === 201) expect(await it.status(redeemed.body.secret)).toBe(401);
    else expect(redeemed.status).toBe(404);
  }
});

test("a token permits what its user's role did when it was made, and its children and refreshed tokens no more", async () => {
  await using it = await open(allow("create_user_token", "get_account"));
  const { admin, clerk } = it;
  const token = it.holder(await it.tokenOf(clerk, { options: ["create", "refresh"] }));
  const ask = async (by: Hands) => [(await by.call("GET", "/account")).status, (await by.call("GET", "/users")).status];
  await admin.call("PATCH", `/users/${clerk.user}`, { role: admin.role });
  const child = it.holder(await it.tokenOf(token));
  const heir = it.holder((await token.call("POST", "/token/refresh")).body.token);
  expect(await Promise.all([clerk, token, child, heir].map(ask))).toEqual([
    [200, 200],
    [200, 403],
    [200, 403],
    [200, 403],
  ]);
  expect(await ask(it.holder(await it.tokenOf(clerk)))).toEqual([200, 200]);
  expect(await outcome(token.call("POST", `/users/${admin.user}/secrets`))).toEqual(FORBIDDEN);
  await admin.call("PATCH", `/users/${clerk.user}`, { role: await it.role(allow("get_users", "create_user_token")) });
  expect(await ask(token)).toEqual([403, 403]);
});

test("a token is valid as long as the rules that bound it when it was made bind its user", async () => {
  await using it = await open();
  const { admin } = it;
  const rules = { twin_rule: "TWIN.company == USER.company" };
  const role = await it.role(ALL, rules);
  const user = await it.make("/users", { role, description: { company: "a", desk: 1 } });
  const secret = it.holder(await it.secretBy(admin, user));
  const token = await it.tokenOf(secret);
  const change = async (body: Json, wanted: number) => {
    await admin.call("PATCH", `/users/${user}`, body);
    expect(await it.status(token)).toBe(wanted);
  };
  await change({ description: { company: "a", desk: 2 } }, 200);
  await change({ description: { company: "b" } }, 401);
  await change({ description: { company: "a" } }, 200);
  await admin.call("PATCH", `/roles/${role}`, { rules: { twin_rule: null } });
  expect(await it.status(token)).toBe(401);
});

test("a user bound by a rule that reads the user cannot become, create or use a user that the rule reads differently", async () => {
  await using it = await open();
  const { admin } = it;
  const role = await it.role(ALL, { twin_rule: "TWIN.company == USER.company" });
  const described = (company: string, more = {}) => ({ role, description: { company, ...more } });
  const [manager, colleague, rival] = await Promise.all(
    [described("a"), described("a"), described("b")].map((body) => it.make("/users", body)),
  );
  const by = it.holder(await it.secretBy(admin, manager));
  await it.secretBy(admin, rival);
  for (const refused of [
    by.call("PATCH", `/users/${manager}`, { description: { company: "b" } }),
    by.call("PATCH", `/users/${manager}`, { description: null }),
    by.call("PATCH", `/users/${colleague}`, { description: { company: "b" } }),
    by.call("POST", "/users", described("b")),
    by.call("POST", "/users", { role }),
    by.call("POST", `/users/${rival}/secrets`),
    by.call("PATCH", `/users/${rival}/secrets`, { validity_ts: 0 }),
    by.call("PATCH", `/users/${rival}`, { description: { company: "a" } }),
    by.call("DELETE", `/users/${rival}`),
  ]) {
    expect(await outcome(refused)).toEqual(FORBIDDEN);
  }
  expect((await by.call("PATCH", `/users/${manager}`, described("a", { desk: 1 }))).status).toBe(200);
  expect((await by.call("POST", "/users", described("a", { desk: 2 }))).status).toBe(201);

  const secret = await it.secretBy(by, colleague);
  const desk = await admin.call("PATCH", `/users/${colleague}`, { description: { company: "a", desk: 9 } });
  expect(desk.body.ended_secrets).toBeUndefined();
  expect((await admin.call("PATCH", `/users/${colleague}`, { description: { company: "b" } })).body.ended_secrets).toBe(
    1,
  );
  expect(await it.status(secret)).toBe(401);
});

test("an operator's reset ends a waiting PIN, and the new secret survives every promotion", async () => {
  await using it = await open();
  const { admin, clerk, world } = it;
  const user = await it.make("/users", { role: await it.role(allow("create_user")) });
  const pin = await it.pinOf(user, clerk);
  const { secret, token } = await resetUserSecret(world.store, systemRandom, user);
  expect((await it.redeem(pin)).status).toBe(404);
  await admin.call("PATCH", `/users/${user}`, { role: admin.role });
  expect(await it.status(secret)).toBe(200);
  const hub = (headers: Record<string, string>) => world.call("GET", "/iot/v1/regions/fr-par/hubs", { headers });
  expect((await hub({ "x-auth-token": token })).status).toBe(200);
  expect((await hub({ "x-auth-token": await it.tokenOf(it.holder(secret)) })).status).toBe(401);
});

test("both forms of a secret end with it, on both APIs", async () => {
  await using it = await open();
  const { admin, clerk, world } = it;
  const user = await it.make("/users", { role: await it.role(allow("create_user", "list_hubs")) });
  const strong = await world.createUser(admin, allow(...CLERK.actions, "list_hubs"));
  const { secret, token } = (await it.redeem(await it.pinOf(user, strong))).body;
  expect(await outcome(clerk.call("POST", `/users/${user}/secrets`))).toEqual(FORBIDDEN);
  const hubs = async () =>
    (await world.call("GET", "/iot/v1/regions/fr-par/hubs", { headers: { "x-auth-token": token } })).status;
  expect([await hubs(), await it.status(secret)]).toEqual([200, 200]);
  await admin.call("PATCH", `/users/${user}`, { role: admin.role });
  expect([await hubs(), await it.status(secret)]).toEqual([401, 401]);
});
