import { expect, test } from "bun:test";
import type { UserActor } from "../../src/kernel/actor.ts";
import { getAddressedStickers } from "../../src/stickers/get-sticker.ts";
import { getStickers } from "../../src/stickers/get-stickers.ts";
import { listStickers } from "../../src/stickers/list-stickers.ts";
import { newTwin } from "../support/world/ledger.ts";
import { allPages, nextOf } from "../support/world/list-pages.ts";
import { costlySteps, recordQueries } from "../support/world/queries-asked.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

// Other accounts' stickers: by the thousand, on a user's twins or addressed to that user.

type Seeded = { account: string; twin: string; color: string; to: string; at?: number };

function seed(world: World, stickers: readonly Seeded[]): void {
  world.seed((connection) => {
    for (const { account, twin, color, to, at = 1 } of stickers) {
      connection.run(
        `INSERT INTO stickers (twin_id, account_id, color, recipients, publish, created_at, expires_at)
         VALUES (?, ?, ?, ?, '{}', ?, ?)`,
        twin,
        account,
        color,
        JSON.stringify([to]),
        at,
        world.clock.now() + 86_400_000,
      );
    }
  });
}

const many = (count: number, of: (index: number) => Seeded) => Array.from({ length: count }, (_, index) => of(index));

const actorOf = ({ account, user, role }: Caller) =>
  ({
    kind: "user",
    accountId: account,
    userId: user,
    roleId: role,
    dictionary: null,
    token: null,
    statement: { effect: "deny", actions: null },
    rules: { twin: null, identity: null, entry: null },
  }) as unknown as UserActor;

test("3 000 stickers of other accounts for other recipients add no cost to a twin's list", async () => {
  await using world = await openWorld();
  const victim = await world.createAccount("Victim");
  const hostile = await world.createAccount("Hostile");
  const twin = await newTwin(victim);
  seed(
    world,
    many(3000, (index) => ({ account: hostile.account, twin, color: `c${index}`, to: hostile.account })),
  );
  seed(world, [{ account: victim.account, twin, color: "zz", to: victim.account }]);
  const { deps, asked } = recordQueries(world);
  const page = await getStickers(deps, actorOf(victim), twin, { context: "system", limit: 1000 });
  expect([page.items.map(({ color }) => color), page.cursor]).toEqual([["zz"], null]);
  deps.store.read((reader) => getAddressedStickers(reader, actorOf(victim), { twin, color: "zz" }, "system"));
  expect(asked.reduce((rows, one) => rows + one.rows, 0)).toBeLessThan(15);
  expect(costlySteps(world, asked)).toEqual([]);
});

test("the caller's stickers and a partner's are not hidden behind 3 000 that one account addresses to the caller", async () => {
  await using world = await openWorld();
  const victim = await world.createAccount("Victim");
  const hostile = await world.createAccount("Hostile");
  const partner = await world.createAccount("Partner");
  const twin = await newTwin(victim);
  seed(
    world,
    many(3000, (index) => ({ account: hostile.account, twin, color: `a${index}`, to: victim.account })),
  );
  for (const { account } of [victim, partner]) seed(world, [{ account, twin, color: "zz", to: victim.account }]);
  const first = await victim.call("GET", `/twins/${twin}/stickers`);
  expect(Object.keys(first.body.accounts[victim.account])).toEqual(["zz"]);
  expect(Object.keys(first.body.accounts[partner.account])).toEqual(["zz"]);
  expect(Object.keys(first.body.accounts[hostile.account]).length).toBe(998);
  expect(nextOf(first)).toBeString();
  const pages = await allPages(victim, `/twins/${twin}/stickers`);
  const keys = pages.flatMap(({ accounts }) =>
    Object.entries<object>(accounts).flatMap(([account, colors]) =>
      Object.keys(colors).map((color) => account + color),
    ),
  );
  expect([keys.length, new Set(keys).size]).toEqual([3002, 3002]);
  const own = await victim.call("GET", `/twins/${twin}/stickers?context=personal`);
  expect([own.body.accounts, nextOf(own)]).toEqual([{ [victim.account]: { zz: expect.anything() } }, undefined]);
});

test("a list of stickers continues from a cursor, as it does from an offset, which is skipped in slices", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company);
  const { account } = company;
  seed(
    world,
    many(3500, (index) => ({ account, twin, color: `c${index}`, to: account, at: 1 + (index % 700) })),
  );
  const colors = (body: { stickers: { color: string }[] }) => body.stickers.map(({ color }) => color);
  const byOffset: string[] = [];
  for (let offset = 0; offset < 3600; offset += 100) {
    byOffset.push(...colors((await company.call("GET", `/stickers?offset=${offset}`)).body));
  }
  expect([byOffset.length, new Set(byOffset).size]).toEqual([3500, 3500]);
  expect((await allPages(company, "/stickers")).flatMap(colors)).toEqual(byOffset);
  const some = await allPages(company, "/stickers?offset=3450&limit=20");
  expect(some.flatMap(colors)).toEqual(byOffset.slice(3450));
  expect(nextOf(await company.call("GET", "/stickers?limit=0"))).toBeUndefined();

  const { deps, asked } = recordQueries(world);
  await listStickers(deps, actorOf(company), { context: "personal", limit: 10, offset: 3400 });
  expect(asked.reduce((rows, one) => rows + one.rows, 0)).toBeLessThan(20);
  expect(Math.max(...asked.map(({ binds }) => Number(binds.at(-1))))).toBeLessThan(1000);
  const twins = Buffer.from(JSON.stringify(["users", [1, twin]])).toString("base64url");
  for (const cursor of ["x", twins]) {
    const refused = await company.call("GET", `/stickers?cursor=${cursor}`);
    expect([refused.status, refused.body.subcode]).toEqual([400, 400_592]);
  }
});
