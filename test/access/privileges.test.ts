import { expect, test } from "bun:test";
import fc from "fast-check";
import { ACTIONS, type Action, UNGOVERNED_ACTIONS } from "../../src/access/model/actions.ts";
import { findRole, listRoles, listUsers, type Role } from "../../src/access/model/rows.ts";
import { isWithin, permits } from "../../src/access/model/statement.ts";
import type { Statement } from "../../src/kernel/actor.ts";
import { tries } from "../support/tries.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

/** The actions that hand out rights, and two others. */
const POOL = [
  "create_user_role",
  "update_user_role",
  "delete_user_role",
  "get_user_roles",
  "create_user",
  "update_user",
  "delete_user",
  "get_users",
  "create_user_secret_pin",
  "update_user_secret",
  "delete_user_secret",
  "create_user_token",
  "get_twin",
  "create_twin",
] as Action[];

const statements: fc.Arbitrary<Statement> = fc.record({
  effect: fc.constantFrom("allow", "deny"),
  actions: fc.option(fc.uniqueArray(fc.constantFrom(...POOL, "who_am_i" as const)), { nil: null }),
});

/** What a statement permits, action by action, including one that does not exist yet. */
const permitted = (statement: Statement) =>
  [...ACTIONS, "an_action_of_next_year" as Action]
    .filter((action) => !(UNGOVERNED_ACTIONS as readonly string[]).includes(action))
    .filter((action) => permits(statement, action));

test("a statement is within another exactly if it permits no action, now or later, that the other does not", () => {
  fc.assert(
    fc.property(statements, statements, (inner, outer) => {
      const outerPermits = new Set(permitted(outer));
      expect(isWithin(inner, outer)).toBe(permitted(inner).every((action) => outerPermits.has(action)));
    }),
    { numRuns: 2000 },
  );
});

const SUPER_ADMIN: Statement = { effect: "deny", actions: [] };

/** One attempt: which of the available callers tries what, on which user and role of the account. */
const attempts = fc.record({
  what: fc.constantFrom(
    "createRole",
    "updateRole",
    "deleteRole",
    "createUser",
    "giveRole",
    "pin",
    "deleteUser",
    "validity",
    "token",
  ),
  caller: fc.nat(),
  user: fc.nat(),
  role: fc.nat(),
  statement: statements,
});
type Attempt = typeof attempts extends fc.Arbitrary<infer A> ? A : never;

/** What the store holds, read without permission checks. */
const usersOf = (world: World, { account }: Caller) =>
  world.store.read((reader) => listUsers(reader, account, [0, ""], 1000));
const rolesOf = (world: World, { account }: Caller) =>
  world.store.read((reader) =>
    listRoles(reader, account, [0, ""], 1000).map(({ id }) => findRole(reader, account, id) as Role),
  );

async function attempt(world: World, admin: Caller, hands: Pick<Caller, "call">[], step: Attempt) {
  const pick = <T>(things: T[], n: number) => things[n % things.length] as T;
  const { call } = pick(hands, step.caller);
  const user = pick(usersOf(world, admin), step.user).id;
  const role = pick(rolesOf(world, admin), step.role).id;
  const { statement } = step;
  if (step.what === "createRole") await call("POST", "/roles", { statement });
  if (step.what === "updateRole") await call("PATCH", `/roles/${role}`, { statement });
  if (step.what === "deleteRole") await call("DELETE", `/roles/${role}`);
  if (step.what === "createUser") await call("POST", "/users", { role });
  if (step.what === "giveRole") await call("PATCH", `/users/${user}`, { role });
  if (step.what === "deleteUser") await call("DELETE", `/users/${user}`);
  if (step.what === "validity") await call("PATCH", `/users/${user}/secrets`, { validity_ts: null });
  if (step.what === "token") {
    const made = await call("POST", "/token", { options: ["create", "refresh"] });
    if (made.status === 201) hands.push(world.caller(admin, made.body.token));
  }
  if (step.what === "pin") {
    const made = await call("POST", `/users/${user}/secrets`);
    if (made.status !== 201) return;
    const redeemed = await world.call("POST", `/secrets/${admin.account}/${made.body.pin}`);
    if (redeemed.status === 201) hands.push(world.caller(admin, redeemed.body.secret));
  }
}

test("no sequence of calls gives a user more than the user who made the calls has", async () => {
  await fc.assert(
    fc.asyncProperty(statements, fc.array(attempts, { minLength: 5, maxLength: 30 }), async (statement, steps) => {
      await using world = await openWorld({ log: "silent" });
      const admin = await world.createAccount();
      const first = await world.createUser(admin, statement);
      await world.createUser(admin, { effect: "allow", actions: ["get_twin", "create_user"] });
      const limit = new Set(permitted(statement));
      const equalsAdmin = limit.has("an_action_of_next_year" as Action) && limit.size === permitted(SUPER_ADMIN).length;
      const hands: Pick<Caller, "call">[] = [first];

      for (const step of steps) {
        await attempt(world, admin, hands, step);
        for (const { call } of hands) {
          const me = await call("GET", "/whoami");
          if (me.status !== 200) continue;
          const held = rolesOf(world, admin).find(({ id }) => id === me.body.role)?.statement as Statement;
          expect(permitted(held).filter((action) => !limit.has(action))).toEqual([]);
        }
        // Users with fewer rights can neither change nor delete one with all rights.
        if (!equalsAdmin) {
          const { status, body } = await admin.call("GET", "/whoami");
          expect([status, body.user, body.role]).toEqual([200, admin.user, admin.role]);
          expect(rolesOf(world, admin).find(({ id }) => id === admin.role)?.statement).toEqual(SUPER_ADMIN);
        }
      }
    }),
    { numRuns: tries(10) },
  );
}, 60_000);
