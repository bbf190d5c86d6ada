import { expect, test } from "bun:test";
import { ROLES_MAX, USERS_MAX } from "../../src/access/model/room-in-account.ts";
import { allPages, nextOf } from "../support/world/list-pages.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

// Lists of users and roles: at the account's limits, and in pages.

/** Users or roles of an account, written to the database directly. */
function seed(world: World, table: "users" | "roles", { account, role }: Caller, count: number): void {
  const own = table === "users" ? [["role_id", role]] : [["effect", "allow"]];
  const columns = ["id", "account_id", "name", "created_at", "updated_at", ...own.map(([name]) => name)];
  world.seed((connection) => {
    for (let index = 0; index < count; index++) {
      const values = [
        crypto.randomUUID(),
        account,
        `n ${index}`,
        index % 7,
        0,
        ...own.map(([, value]) => value as string),
      ];
      connection.run(
        `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
        ...values,
      );
    }
  });
}

for (const [table, max, body] of [
  ["users", USERS_MAX, (role: string) => ({ role })],
  ["roles", ROLES_MAX, () => ({})],
] as const) {
  test(`an account has at most ${max} ${table}, and a request without page parameters gets 1 000 and a link to the rest`, async () => {
    await using world = await openWorld();
    const company = await world.createAccount();
    const other = await world.createAccount("Other");
    seed(world, table, company, max - 2);
    expect((await company.call("POST", `/${table}`, body(company.role))).status).toBe(201);
    const refused = await company.call("POST", `/${table}`, body(company.role));
    expect([refused.status, refused.body.subcode]).toEqual([400, 400_979]);
    expect(refused.body.description).toBe(`An account has at most ${max} ${table}.`);
    expect((await other.call("POST", `/${table}`, body(other.role))).status).toBe(201);

    // Rows above the limit stay and can be read.
    seed(world, table, company, 5);
    const first = await company.call("GET", `/${table}`);
    expect(Object.keys(first.body)).toEqual([table]);
    expect(Object.keys(first.body[table]).length).toBe(1000);
    expect(nextOf(first)).toBeString();
    const ids = (await allPages(company, `/${table}`)).flatMap((page) => Object.keys(page[table]));
    expect([ids.length, new Set(ids).size]).toEqual([max + 5, max + 5]);

    // After one deletion there is still no room, until there are fewer than the limit.
    const small = await other.call("GET", `/${table}`);
    expect([Object.keys(small.body[table]).length, nextOf(small)]).toEqual([2, undefined]);
  }, 30_000);
}

test("deleting makes room again", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  seed(world, "roles", company, ROLES_MAX - 2);
  const { uuid } = (await company.call("POST", "/roles", {})).body;
  expect((await company.call("POST", "/roles", {})).status).toBe(400);
  expect((await company.call("DELETE", `/roles/${uuid}`)).status).toBe(200);
  expect((await company.call("POST", "/roles", {})).status).toBe(201);
  expect((await company.call("POST", "/roles", {})).status).toBe(400);
});

test("pages have the requested size, keep their order, and a cursor is valid for its list only", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  seed(world, "users", company, 10);
  const whole = Object.keys((await company.call("GET", "/users")).body.users);
  const pages = await allPages(company, "/users?limit=4");
  expect(pages.map(({ users }) => Object.keys(users).length)).toEqual([4, 4, 3]);
  expect(pages.flatMap(({ users }) => Object.keys(users))).toEqual(whole);

  const link = nextOf(await company.call("GET", "/users?limit=4"));
  expect(link).toStartWith("/users?limit=4&cursor=");
  const cursor = new URLSearchParams(link?.split("?")[1]).get("cursor");
  // The item at the cursor may be deleted.
  await company.call("DELETE", `/users/${whole[3]}`);
  expect(Object.keys((await company.call("GET", `/users?limit=4&cursor=${cursor}`)).body.users)).toEqual(
    whole.slice(4, 8),
  );
  for (const path of [
    ...["x", "%00", "W10", "WyJ1c2VycyIsWzEsMl1d"].map((text) => `/users?cursor=${text}`),
    `/roles?cursor=${cursor}`,
    "/users?limit=0",
    "/users?limit=1001",
  ]) {
    const refused = await company.call("GET", path);
    expect([path, refused.status, refused.body.subcode]).toEqual([path, 400, 400_592]);
  }
  expect((await company.call("GET", "/users?cursor=")).status).toBe(200);
});
