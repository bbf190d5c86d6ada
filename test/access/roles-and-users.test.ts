import { expect, test } from "bun:test";
import { Authenticator, credentialFrom } from "../../src/access/model/authenticate.ts";
import { updateUserRole } from "../../src/access/roles/update-user-role.ts";
import { deleteUser } from "../../src/access/users/delete-user.ts";
import type { DomainError } from "../../src/kernel/failure.ts";
import { createTwin } from "../../src/twins/create-twin.ts";
import { openWorld } from "../support/world/world.ts";

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";
const ALL = { effect: "deny", actions: null };

test("a company gives a colleague a role, and takes rights back with effect on the very next request", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const colleague = await world.createUser(admin, { effect: "allow", actions: ["create_twin", "get_twin"] });
  expect((await colleague.call("POST", "/twins")).status).toBe(201);

  await admin.call("PATCH", `/roles/${colleague.role}`, { statement: { effect: "allow", actions: ["get_twin"] } });
  expect((await colleague.call("POST", "/twins")).body.subcode).toBe(403_535);

  await admin.call("PATCH", `/roles/${colleague.role}`, { statement: ALL });
  expect((await colleague.call("POST", "/twins")).status).toBe(201);
});

test("a queued write is refused if its caller's rights are taken away meanwhile", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const colleague = await world.createUser(admin, ALL);
  const actorOf = (authorization: string) => new Authenticator(world.deps).authenticate(credentialFrom(authorization));
  const [adminActor, colleagueActor] = [await actorOf(admin.authorization), await actorOf(colleague.authorization)];
  const create = () =>
    world.store.write(createTwin, colleagueActor, { id: world.deps.random.uuid(), description: null });
  const codeOf = (write: Promise<unknown>) =>
    write.then(
      () => "done",
      (error: DomainError) => error.failure.code,
    );

  const changes = { statement: { effect: "allow" as const, actions: [] } };
  const narrowed = world.store.write(updateUserRole, adminActor, { id: colleague.role, changes });
  expect(await Promise.all([codeOf(narrowed), codeOf(create())])).toEqual(["done", "forbidden"]);

  const deleted = world.store.write(deleteUser, adminActor, { id: colleague.user });
  expect(await Promise.all([codeOf(deleted), codeOf(create())])).toEqual(["done", "unauthenticated"]);
});

test("a role returns its statement as it was given, without duplicates", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const create = async (body: unknown) => (await admin.call("POST", "/roles", body)).body;

  expect(await create(undefined)).toEqual({
    uuid: expect.any(String),
    name: "User Role Name",
    account: admin.account,
    statement: { effect: "deny", actions: null },
    rules: { twin_rule: null, identity_rule: null, entry_rule: null },
    created_ts: world.clock.now() / 1000,
    updated_ts: world.clock.now() / 1000,
  });
  expect((await create({ statement: { effect: "allow", actions: null } })).statement.actions).toBeNull();
  expect((await create({ statement: { effect: "allow", actions: [] } })).statement.actions).toEqual([]);
  const doubled = ["get_twin", "get_log", "get_twin", "download_doc", "stream_twin", "list_networks"];
  expect((await create({ statement: { effect: "allow", actions: doubled } })).statement.actions).toEqual([
    ...new Set(doubled),
  ]);
});

test("an invalid statement is refused and named", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const { uuid } = (await admin.call("POST", "/roles")).body;
  const statements = [
    { effect: "allow" },
    { actions: [] },
    { effect: "permit", actions: [] },
    { effect: "allow", actions: ["fly"] },
    { effect: "allow", actions: ["__proto__"] },
    { effect: "allow", actions: "get_twin" },
    [],
    "allow",
  ];
  for (const statement of statements) {
    for (const [method, path] of [
      ["POST", "/roles"],
      ["PATCH", `/roles/${uuid}`],
    ] as const) {
      const refused = await admin.call(method, path, { statement });
      expect([refused.status, refused.body.subcode]).toEqual([400, 400_589]);
      expect(refused.body.description).toContain("statement");
    }
  }
});

test("a role accepts rules in short or long form, returns the long form, and refuses rules that do not compile or contradict each other", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const none = { twin_rule: null, identity_rule: null, entry_rule: null };
  for (const kind of ["twin", "identity", "entry"]) {
    for (const name of [kind, `${kind}_rule`]) {
      const created = await admin.call("POST", "/roles", { rules: { [name]: "TWIN.a == 1" } });
      expect([created.status, created.body.rules]).toEqual([201, { ...none, [`${kind}_rule`]: "TWIN.a == 1" }]);
      const refused = await admin.call("POST", "/roles", { rules: { [name]: "TWIN.a ==" } });
      expect([refused.status, refused.body.subcode]).toEqual([400, 400_897]);
      expect((await admin.call("POST", "/roles", { rules: { [name]: 1 } })).body.subcode).toBe(400_589);
    }
    const agreeing = { [kind]: "true", [`${kind}_rule`]: "true" };
    expect((await admin.call("POST", "/roles", { rules: agreeing })).status).toBe(201);
    const contradicting = await admin.call("POST", "/roles", { rules: { ...agreeing, [kind]: null } });
    expect([contradicting.status, contradicting.body.subcode]).toEqual([400, 400_589]);
  }
});

test("a change of a role's rules affects those that it names; null removes one, or all", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const { uuid } = (await admin.call("POST", "/roles", { rules: { twin: "true", entry: "false" } })).body;
  const rulesAfter = async (rules: unknown) => (await admin.call("PATCH", `/roles/${uuid}`, { rules })).body.rules;
  const rules = (twin_rule: string | null, identity_rule: string | null, entry_rule: string | null) => ({
    twin_rule,
    identity_rule,
    entry_rule,
  });
  expect(await rulesAfter({ identity: "1 == 1" })).toEqual(rules("true", "1 == 1", "false"));
  expect(await rulesAfter({ twin_rule: null })).toEqual(rules(null, "1 == 1", "false"));
  expect(await rulesAfter({})).toEqual(rules(null, "1 == 1", "false"));
  expect(await rulesAfter(undefined)).toEqual(rules(null, "1 == 1", "false"));
  expect(await rulesAfter(null)).toEqual(rules(null, null, null));
});

test("every role that a user makes, changes or assigns must contain the rules that bind the user, with the same text", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const rules = { twin_rule: "TWIN.site == 'north'" };
  const { uuid: bound } = (await admin.call("POST", "/roles", { rules })).body;
  const { uuid: free } = (await admin.call("POST", "/roles", {})).body;
  const { uuid: other } = (await admin.call("POST", "/users", { role: free })).body;
  const manager = await world.createUser(admin, { effect: "deny", actions: null });
  await admin.call("PATCH", `/users/${manager.user}`, { role: bound });

  for (const theirs of [{}, { rules: null }, { rules: { twin_rule: "true" } }, { rules: { entry_rule: "true" } }]) {
    const refused = await manager.call("POST", "/roles", theirs);
    expect([refused.status, refused.body.subcode]).toEqual([403, 403_535]);
  }
  expect((await manager.call("POST", "/roles", { rules: { ...rules, entry_rule: "true" } })).status).toBe(201);
  expect((await manager.call("PATCH", `/roles/${bound}`, { rules: { twin_rule: null } })).status).toBe(403);
  expect((await manager.call("PATCH", `/roles/${free}`, { name: "Freed" })).status).toBe(403);
  expect((await manager.call("POST", "/users", { role: free })).status).toBe(403);
  expect((await manager.call("POST", "/users", { role: bound })).status).toBe(201);
  expect((await manager.call("POST", `/users/${other}/secrets`)).status).toBe(403);
});

test("users cannot create, change, assign or delete what permits more than their own role", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const actions = [
    "create_user_role",
    "update_user_role",
    "delete_user_role",
    "create_user",
    "update_user",
    "delete_user",
  ];
  const secrets = ["create_user_secret_pin", "update_user_secret", "delete_user_secret"];
  const clerk = await world.createUser(admin, { effect: "allow", actions: [...actions, ...secrets] });
  const strong = await world.createUser(admin, { effect: "allow", actions: ["get_account"] });
  const weak = await world.createUser(admin, { effect: "allow", actions: ["create_user"] });

  const more = { effect: "allow", actions: ["create_user", "get_account"] };
  const refused = [
    clerk.call("POST", "/roles", { statement: more }),
    clerk.call("POST", "/roles", { statement: { effect: "deny", actions: ["get_account"] } }),
    clerk.call("POST", "/roles"),
    clerk.call("PATCH", `/roles/${weak.role}`, { statement: more }),
    clerk.call("PATCH", `/roles/${clerk.role}`, { statement: more }),
    clerk.call("PATCH", `/roles/${strong.role}`, { name: "Renamed" }),
    clerk.call("PATCH", `/roles/${strong.role}`, { statement: { effect: "allow", actions: [] } }),
    clerk.call("DELETE", `/roles/${strong.role}`),
    clerk.call("POST", "/users", { role: strong.role }),
    clerk.call("PATCH", `/users/${weak.user}`, { role: strong.role }),
    clerk.call("PATCH", `/users/${clerk.user}`, { role: admin.role }),
    clerk.call("PATCH", `/users/${strong.user}`, { name: "Renamed" }),
    clerk.call("DELETE", `/users/${admin.user}`),
    clerk.call("POST", `/users/${strong.user}/secrets`),
    clerk.call("PATCH", `/users/${strong.user}/secrets`, { validity_ts: 0 }),
    clerk.call("DELETE", `/users/${strong.user}/secrets`),
  ];
  for (const answer of await Promise.all(refused)) expect([answer.status, answer.body.subcode]).toEqual([403, 403_535]);

  expect((await clerk.call("POST", "/roles", { statement: { effect: "allow", actions } })).status).toBe(201);
  expect((await clerk.call("PATCH", `/users/${clerk.user}`, { role: weak.role })).status).toBe(200);
});

test("a user is created, changed attribute by attribute, and deleted", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const role = (await admin.call("POST", "/roles")).body.uuid;
  const created = await admin.call("POST", "/users", {
    role,
    name: "Meter desk",
    description: { profession: "dispatch" },
  });
  expect(created.status).toBe(201);
  expect(created.body).toEqual({
    uuid: expect.any(String),
    role,
    account: admin.account,
    name: "Meter desk",
    description: { profession: "dispatch" },
    activity: null,
    created_ts: world.clock.now() / 1000,
    updated_ts: world.clock.now() / 1000,
  });
  const path = `/users/${created.body.uuid}`;
  world.clock.advance(1000);
  expect((await admin.call("PATCH", path, {})).body).toEqual(created.body);
  const renamed = { ...created.body, name: "New desk", updated_ts: world.clock.now() / 1000 };
  expect((await admin.call("PATCH", path, { name: "New desk" })).body).toEqual(renamed);
  const { description, ...bare } = renamed;
  expect((await admin.call("PATCH", path, { description: null })).body).toEqual(bare);
  expect((await admin.call("GET", path)).body).toEqual(bare);
  expect((await admin.call("GET", "/users")).body.users[created.body.uuid]).toEqual({
    name: "New desk",
    role,
    created_ts: bare.created_ts,
    updated_ts: bare.updated_ts,
  });
  expect((await admin.call("DELETE", path)).body).toEqual(bare);
  expect((await admin.call("GET", path)).body.subcode).toBe(404_653);
});

test("users and roles refuse values that cannot be stored", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const { role } = admin;
  const log = { readings: { dimensions: { place: "{TWIN[place]}" } } };
  for (const [method, path, body, subcode] of [
    ["POST", "/users", {}, 400_589],
    ["POST", "/users", { role: null }, 400_589],
    ["POST", "/users", { role: "x" }, 400_589],
    ["POST", "/users", { role: UNKNOWN_ID }, 400_979],
    ["POST", "/users", { role, name: "x" }, 400_589],
    ["POST", "/users", { role, name: "-edge-" }, 400_589],
    ["POST", "/users", { role, name: "nul\0nul" }, 400_589],
    ["POST", "/users", { role, name: "x".repeat(33) }, 400_589],
    ["POST", "/users", { role, description: { UPPER: 1 } }, 400_589],
    ["POST", "/users", { role, activity: log }, 400_979],
    ["POST", "/users", { role, activity: { readings: 1 } }, 400_589],
    ["PATCH", `/users/${admin.user}`, { role: UNKNOWN_ID }, 400_979],
    ["PATCH", "/account", { resource_access_log: log }, 400_979],
    ["PATCH", "/account", { resource_access_log: 1 }, 400_589],
    ["POST", "/roles", { name: "x" }, 400_589],
    ["DELETE", `/users/${admin.user}`, undefined, 400_979],
    ["DELETE", `/roles/${admin.role}`, undefined, 400_979],
    ["GET", "/users/x", undefined, 400_592],
    ["GET", `/users/${UNKNOWN_ID}`, undefined, 404_653],
  ] as const) {
    const refused = await admin.call(method, path, body);
    expect([method, path, body, refused.body.subcode]).toEqual([method, path, body, subcode]);
  }
  expect((await admin.call("PATCH", "/account", { resource_access_log: {} })).body.resource_access_log).toEqual({});
});

test("changes of access are journaled without secrets", async () => {
  await using world = await openWorld();
  const admin = await world.createAccount();
  const user = await world.createUser(admin, ALL);
  const { token } = (await user.call("POST", "/token", { options: ["refresh"], secret_dict: { pass: "word" } })).body;
  await world.caller(user, token).call("POST", "/token/refresh");
  await admin.call("PATCH", `/users/${user.user}/secrets`, { validity_ts: null });
  await admin.call("DELETE", `/users/${user.user}/secrets`);
  await admin.call("PATCH", `/users/${user.user}`, { name: "Renamed" });
  await admin.call("PATCH", `/roles/${user.role}`, { name: "Renamed" });
  await admin.call("DELETE", `/users/${user.user}`);
  await admin.call("DELETE", `/roles/${user.role}`);
  await admin.call("PATCH", "/account", { resource_access_log: null });

  const events = world.query("SELECT sequence, kind, account_id, data FROM events ORDER BY sequence");
  expect(events.map(({ kind }) => kind)).toEqual([
    "account.created",
    "role.created",
    "user.created",
    "secret.pin_created",
    "secret.created",
    "token.created",
    "token.refreshed",
    "secret.updated",
    "secret.deleted",
    "user.updated",
    "role.updated",
    "user.deleted",
    "role.deleted",
    "account.updated",
  ]);
  expect(events.every(({ account_id }) => account_id === admin.account)).toBe(true);
  const whole = JSON.stringify(events);
  for (const secret of [user.authorization, user.token, token, "word"]) expect(whole).not.toContain(secret);
});
