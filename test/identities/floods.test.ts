import { expect, test } from "bun:test";
import { IDENTITIES_MAX } from "../../src/identities/create-twin-identity.ts";
import { getTwinIdentities } from "../../src/identities/get-twin-identities.ts";
import { resolveTwinIdentity } from "../../src/identities/resolve-twin-identity.ts";
import type { UserActor } from "../../src/kernel/actor.ts";
import { newTwin } from "../support/world/ledger.ts";
import { allPages, nextOf } from "../support/world/list-pages.ts";
import { costlySteps, recordQueries } from "../support/world/queries-asked.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

// Other accounts' identities add no cost for a caller, and hide nothing.

const NAME = "VIN#1";
const resolved = (name: string) => `/resolve/${encodeURIComponent(name)}`;
/** Uses up all the steps of a rule, and is false. */
const COSTLY = "[x for x in $range(0, 49000)].length < 0";

type Seeded = { account: string; twin: string; name: string; visibility?: string | null };

function seed(world: World, identities: Iterable<Seeded>): void {
  world.seed((connection) => {
    for (const { account, twin, name, visibility = null } of identities) {
      connection.run(
        "INSERT INTO identities (account_id, name, twin_id, visibility, created_at, updated_at) VALUES (?, ?, ?, ?, 1, 1)",
        account,
        name,
        twin,
        visibility,
      );
    }
  });
}

const many = (count: number, of: (index: number) => Seeded) => Array.from({ length: count }, (_, index) => of(index));

/** A user whose role permits what others have made visible. */
async function createVisitor(world: World, admin: Caller) {
  const visitor = await world.createUser(admin, { effect: "deny", actions: null });
  await admin.call("PATCH", `/roles/${visitor.role}`, { rules: { identity: "identity =~ '.*'" } });
  return visitor;
}

const actorOf = ({ account, user, role }: Pick<Caller, "account" | "user" | "role">, identity: string | null) =>
  ({
    kind: "user",
    accountId: account,
    userId: user,
    roleId: role,
    dictionary: null,
    token: null,
    statement: { effect: "deny", actions: null },
    rules: { twin: null, identity, entry: null },
  }) as unknown as UserActor;

const FILTER = {
  show_expired: false,
  show_valid: true,
  show_personal: true,
  show_foreign: false as boolean | string,
  show_public: true,
  show_private: true,
  limit: 1000,
};

test("30 000 identities of other accounts on a twin are not examined for a caller that asks for none of them", async () => {
  await using world = await openWorld();
  const victim = await world.createAccount("Victim");
  const hostile = await world.createAccount("Hostile");
  const twin = await newTwin(victim);
  await victim.call("POST", `/twins/${twin}/identities`, { identities: { "NFC#1": { visibility: "true" } } });
  seed(
    world,
    many(30_000, (index) => ({
      account: hostile.account,
      twin,
      name: `A#${index}`,
      visibility: index % 3 ? null : "false",
    })),
  );

  const { deps, asked } = recordQueries(world);
  const { items } = await getTwinIdentities(deps, actorOf(victim, null), twin, FILTER);
  expect(items.map(({ name }) => name)).toEqual(["NFC#1"]);
  expect(asked.reduce((rows, one) => rows + one.rows, 0)).toBeLessThanOrEqual(4);

  // Private ones are not examined for a caller that asks for all accounts' either.
  world.seed((connection) =>
    connection.run("UPDATE identities SET visibility = NULL WHERE account_id = ?", hostile.account),
  );
  const hidden = recordQueries(world);
  const all = await getTwinIdentities(hidden.deps, actorOf(victim, "true"), twin, { ...FILTER, show_foreign: true });
  expect([all.items.length, all.cursor]).toEqual([1, null]);
  expect(hidden.asked.reduce((rows, one) => rows + one.rows, 0)).toBeLessThanOrEqual(8);
  expect(costlySteps(world, [...asked, ...hidden.asked])).toEqual([]);
  const walk = { sql: "SELECT name FROM identities ORDER BY visibility", binds: [], rows: 0 };
  expect(costlySteps(world, [walk]).length).toBeGreaterThan(1);
});

test("a list of all accounts' identities examines a limited number, and returns a cursor", async () => {
  await using world = await openWorld();
  const victim = await world.createAccount("Victim");
  const hostile = await world.createAccount("Hostile");
  const partner = await world.createAccount("Partner");
  const twin = await newTwin(victim);
  await victim.call("POST", `/twins/${twin}/identities`, { identities: { "NFC#own": {} } });
  seed(
    world,
    many(5000, (index) => ({ account: hostile.account, twin, name: `A#${index}`, visibility: "false" })),
  );
  await partner.call("POST", `/twins/${twin}/identities`, { identities: { "TAG#partner": { visibility: "true" } } });

  const { deps, asked } = recordQueries(world);
  const page = await getTwinIdentities(deps, actorOf(victim, "true"), twin, { ...FILTER, show_foreign: true });
  // Neither the caller's name nor the partner's is hidden behind invisible ones.
  expect(page.items.map(({ name }) => name)).toEqual(["NFC#own", "TAG#partner"]);
  expect(page.cursor).toBeString();
  expect(asked.reduce((rows, one) => rows + one.rows, 0)).toBeLessThan(2500);
  expect(costlySteps(world, asked)).toEqual([]);

  const visitor = await createVisitor(world, victim);
  const pages = await allPages(visitor, `/twins/${twin}/identities?show_foreign=true`);
  expect(pages.length).toBeGreaterThan(2);
  expect(pages.flatMap(({ identities }) => Object.keys(identities))).toEqual(["NFC#own", "TAG#partner"]);
  const of = await visitor.call("GET", `/twins/${twin}/identities?show_foreign=${partner.account}`);
  expect([Object.keys(of.body.identities), nextOf(of)]).toEqual([["NFC#own", "TAG#partner"], undefined]);
});

test("expensive rules of one account end its own part of a list, and do not refuse others theirs", async () => {
  await using world = await openWorld();
  const victim = await world.createAccount("Victim");
  const hostile = await world.createAccount("Hostile");
  const partner = await world.createAccount("Partner");
  const twin = await newTwin(victim);
  seed(
    world,
    many(40, (index) => ({ account: hostile.account, twin, name: `A#${index}`, visibility: COSTLY })),
  );
  await partner.call("POST", `/twins/${twin}/identities`, { identities: { "TAG#1": { visibility: "true" } } });
  const visitor = await createVisitor(world, victim);
  const first = await visitor.call("GET", `/twins/${twin}/identities?show_foreign=true`);
  expect([first.status, Object.keys(first.body.identities)]).toEqual([200, ["TAG#1"]]);
  expect(nextOf(first)).toBeString();
  const pages = await allPages(visitor, `/twins/${twin}/identities?show_foreign=true`);
  expect(pages.flatMap(({ identities }) => Object.keys(identities))).toEqual(["TAG#1"]);

  // The same for resolving a name.
  const twins = await Promise.all(Array.from({ length: 30 }, () => newTwin(hostile)));
  seed(
    world,
    twins.map((twin) => ({ account: hostile.account, twin, name: NAME, visibility: COSTLY })),
  );
  await partner.call("POST", `/twins/${twin}/identities`, { identities: { [NAME]: { visibility: "true" } } });
  const found = await visitor.call("GET", `${resolved(NAME)}?context=system`);
  expect([found.status, found.body.twins]).toEqual([200, [twin]]);
});

for (const [what, visibility] of [
  ["private", null],
  ["invisible to all", "false"],
  ["visible to all", "true"],
] as const) {
  test(`1 200 namesakes that are ${what} do not hide a name that another account made visible later`, async () => {
    await using world = await openWorld();
    const hostile = await world.createAccount("Hostile");
    const victim = await world.createAccount("Victim");
    const third = await createVisitor(world, await world.createAccount("Third"));
    const twins = Array.from({ length: 1200 }, () => crypto.randomUUID());
    world.seed((connection) => {
      for (const id of twins) {
        connection.run(
          "INSERT INTO twins (id, owner_id, creator_id, created_at, updated_at) VALUES (?, ?, ?, 1, 1)",
          id,
          hostile.account,
          hostile.account,
        );
      }
    });
    seed(
      world,
      twins.map((twin) => ({ account: hostile.account, twin, name: NAME, visibility })),
    );
    world.clock.advance(1000);
    const twin = await newTwin(victim);
    await victim.call("POST", `/twins/${twin}/identities`, { identities: { [NAME]: { visibility: "true" } } });

    const answer = await third.call("GET", `${resolved(NAME)}?context=system`);
    expect(answer.body.twins).toContain(twin);
    expect((await third.call("GET", `${resolved(NAME)}?context=${victim.account}`)).body.twins).toEqual([twin]);
    expect((await victim.call("GET", resolved(NAME))).body.twins).toEqual([twin]);
    const pages = await allPages(third, `${resolved(NAME)}?context=system`);
    const all = pages.flatMap(({ twins }) => twins);
    expect(all.length).toBe(visibility === "true" ? 1201 : 1);
    expect(new Set(all).size).toBe(all.length);
    expect(nextOf(answer) === undefined).toBe(pages.length === 1);

    const { deps, asked } = recordQueries(world);
    const wish = { context: "system" as const, visibleTwins: false, limit: 1000 };
    await resolveTwinIdentity(deps, actorOf(third, "true"), NAME, wish);
    expect(asked.reduce((rows, one) => rows + one.rows, 0)).toBeLessThan(visibility === null ? 10 : 5000);
    expect(costlySteps(world, asked)).toEqual([]);
  });
}

test(`an account gives a twin at most ${IDENTITIES_MAX} names, regardless of how many other accounts give it`, async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company);
  const give = async (caller: Caller, ...names: string[]) => {
    const identities = Object.fromEntries(names.map((name) => [name, {}]));
    const { body } = await caller.call("POST", `/twins/${twin}/identities`, { identities });
    return names.map((name) => body.identities[name].error);
  };
  seed(
    world,
    many(IDENTITIES_MAX - 2, (index) => ({ account: company.account, twin, name: `A#${index}` })),
  );
  expect(await give(company, "B#1", "B#2", "B#3", "A#1")).toEqual([
    undefined,
    undefined,
    "Too many Identities on the Twin.",
    "Identity already exists.",
  ]);
  expect(await give(await world.createAccount("Other"), "B#1")).toEqual([undefined]);
  await company.call("DELETE", `/twins/${twin}/identities/B%231`);
  expect(await give(company, "B#4", "B#5")).toEqual([undefined, "Too many Identities on the Twin."]);

  // Rows above the limit, from before it existed, can be read in pages.
  seed(
    world,
    many(500, (index) => ({ account: company.account, twin, name: `Z#${index}` })),
  );
  const first = await company.call("GET", `/twins/${twin}/identities`);
  expect(Object.keys(first.body.identities).length).toBe(1000);
  const names = (await allPages(company, `/twins/${twin}/identities`)).flatMap(({ identities }) =>
    Object.keys(identities),
  );
  expect([names.length, new Set(names).size]).toEqual([1500, 1500]);
});

test("pages of any size add up to the same list, each name once, and reveal nothing else", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company);
  const others = await Promise.all(Array.from({ length: 40 }, (_, index) => world.createAccount(`Other ${index}`)));
  for (const [index, { account }] of [company, ...others].entries()) {
    seed(
      world,
      many(1 + ((index * 7) % 23), (n) => ({
        account,
        twin,
        name: `N#${index}-${n}`,
        visibility: n % 5 ? "true" : null,
      })),
    );
  }
  const visitor = await createVisitor(world, company);
  const path = `/twins/${twin}/identities?show_foreign=true`;
  const whole = Object.keys((await visitor.call("GET", path)).body.identities).sort();
  expect(whole.length).toBeGreaterThan(300);
  for (const limit of [1, 7, 64, 1000]) {
    const pages = await allPages(visitor, `${path}&limit=${limit}`);
    expect(pages.every(({ identities }) => Object.keys(identities).length <= limit)).toBe(true);
    const names = pages.flatMap(({ identities }) => Object.keys(identities));
    expect([limit, names.sort()]).toEqual([limit, whole]);
  }
  const cursor = (place: unknown, list = "identities") =>
    Buffer.from(JSON.stringify([list, place])).toString("base64url");
  for (const wrong of [
    "x",
    cursor({}),
    cursor({ after: "", at: [["a"]] }),
    cursor({ after: "\u0000", at: [] }),
    cursor({ after: "", at: [] }, "users"),
    cursor({ after: "", at: [["\ud800", ""]] }),
  ]) {
    const refused = await visitor.call("GET", `${path}&cursor=${wrong}`);
    expect([wrong, refused.status, refused.body.subcode]).toEqual([wrong, 400, 400_592]);
  }
  // A forged cursor shows no more than any other.
  const forged = cursor({ after: "", at: others.slice(0, 16).map(({ account }) => [account, ""]) });
  const own = await visitor.call("GET", `/twins/${twin}/identities?cursor=${forged}`);
  expect(own.body.identities).toEqual({});
});
