import { expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { expireStickers } from "../../src/stickers/expire-stickers.ts";
import { tries } from "../support/tries.ts";
import { newTwin } from "../support/world/ledger.ts";
import { journal } from "../support/world/published-messages.ts";
import { type Json, openWorld, type World } from "../support/world/world.ts";

// Compares who sees and removes what with a model that is a plain list of stickers: two accounts, two users in each,
// two twins, and every context.

const EVERYTHING = { effect: "deny", actions: null };

async function openNeighbours(world: World) {
  const accounts = [await world.createAccount("North"), await world.createAccount("South")];
  const people = [];
  for (const account of accounts) {
    for (const name of ["First", "Second"]) people.push(await world.createUser(account, EVERYTHING, name));
  }
  const twins = [];
  for (const account of accounts) twins.push(await newTwin(account));
  const ids = [...accounts.map(({ account }) => account), ...people.flatMap(({ user, role }) => [user, role])];
  return { people, twins, ids, accountIds: accounts.map(({ account }) => account) };
}

type Neighbours = Awaited<ReturnType<typeof openNeighbours>>;
type Person = Neighbours["people"][number];
type Modelled = { twin: string; account: string; color: string; recipients: string[]; createdAt: number; end: number };

const COLORS = ["red", "blue"];

const index = (count: number) => fc.nat({ max: count - 1 });
const Step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      person: index(4),
      twin: index(2),
      color: index(2),
      recipients: fc.uniqueArray(index(10), { minLength: 1, maxLength: 3 }),
      lifetime: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("remove" as const),
      person: index(4),
      twin: index(2),
      color: index(2),
      context: index(6),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), seconds: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("sweep" as const) }) },
);
type Step = typeof Step extends fc.Arbitrary<infer Value> ? Value : never;

/** `""` is the operation's default. */
const contextsOf = ({ accountIds: [north = "", south = ""] }: Neighbours) => [
  "",
  "personal",
  "system",
  north,
  south,
  `${north},${south}`,
];

class Model {
  stickers: Modelled[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  seen(person: Person, context: string, fallback: "personal" | "system"): Modelled[] {
    const meant = context || fallback;
    const ofContext = ({ account }: Modelled) =>
      meant === "system" || (meant === "personal" ? account === person.account : meant.includes(account));
    const mine = [person.user, person.role, person.account];
    return this.stickers.filter(
      (sticker) =>
        sticker.end > this.#now() && ofContext(sticker) && sticker.recipients.some((id) => mine.includes(id)),
    );
  }
}

const named = ({ twin, account, color, createdAt }: Modelled) => `${createdAt} ${account} ${twin} ${color}`;

async function play(world: World, neighbours: Neighbours, model: Model, step: Step): Promise<void> {
  const { people, twins, ids } = neighbours;
  if (step.kind === "wait") return world.clock.advance(step.seconds * 1000);
  if (step.kind === "sweep") {
    await world.store.write(expireStickers, SYSTEM, { limit: 2 });
    return;
  }
  const person = people[step.person] as Person;
  const twin = twins[step.twin] as string;
  const color = COLORS[step.color] as string;
  const now = world.clock.now();
  if (step.kind === "put") {
    const recipients = step.recipients.map((i) => ids[i] as string);
    const end = now + step.lifetime * 1000;
    const stickers = { [color]: { recipients, validity_ts: end / 1000 } };
    const { body } = await person.call("POST", `/twins/${twin}/stickers`, { stickers });
    const isThere = ({ account, twin: where, color: which, end: until }: Modelled) =>
      account === person.account && where === twin && which === color && until > now;
    expect("error" in body.stickers[color]).toBe(model.stickers.some(isThere));
    if (!body.stickers[color].error) {
      model.stickers.push({ twin, account: person.account, color, recipients, createdAt: now, end });
    }
    return;
  }
  const context = contextsOf(neighbours)[step.context] as string;
  const seen = model.seen(person, context, "personal");
  const meant = seen.filter(({ twin: where, color: which }) => where === twin && which === color);
  const query = context && `?context=${context}`;
  const { status, body } = await person.call("DELETE", `/twins/${twin}/stickers/${color}${query}`);
  expect(status).toBe(meant.length === 0 ? 404 : meant.length > 1 ? 400 : 200);
  if (status !== 200) return;
  expect(body.account).toBe(meant[0]?.account);
  model.stickers.splice(model.stickers.indexOf(meant[0] as Modelled), 1);
}

async function look(neighbours: Neighbours, model: Model): Promise<void> {
  for (const person of neighbours.people) {
    for (const context of contextsOf(neighbours)) {
      const query = context && `?context=${context}`;
      const { status, body } = await person.call("GET", `/stickers${query}`);
      // A list is of one account or of all.
      expect(status).toBe(context.includes(",") ? 400 : 200);
      const listed = (body.stickers ?? []).map(({ account, twin, color, created_ts }: Json) =>
        named({ account, twin, color, createdAt: Math.round(created_ts * 1000), recipients: [], end: 0 }),
      );
      if (status === 200) expect(listed).toEqual(model.seen(person, context, "personal").map(named).sort().reverse());
      for (const twin of neighbours.twins) {
        const there = model.seen(person, context, "system").filter((sticker) => sticker.twin === twin);
        const { accounts } = (await person.call("GET", `/twins/${twin}/stickers${query}`)).body;
        const told = Object.entries(accounts as object).flatMap(([account, colors]) =>
          Object.keys(colors).map((color) => `${account} ${color}`),
        );
        expect(told.sort()).toEqual(there.map(({ account, color }) => `${account} ${color}`).sort());
        for (const color of COLORS) {
          const { status } = await person.call("GET", `/twins/${twin}/stickers/${color}${query}`);
          expect(status === 200).toBe(there.some((sticker) => sticker.color === color));
        }
      }
    }
  }
}

test("in every context users see and remove what is addressed to them, their role or their account, until it expires, and nothing else", async () => {
  await using world = await openWorld();
  const neighbours = await openNeighbours(world);
  let put = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(Step, { minLength: 4, maxLength: 14 }), async (steps) => {
      const model = new Model(() => world.clock.now());
      for (const [i, step] of steps.entries()) {
        await play(world, neighbours, model, step);
        if (i % 4 === 3) await look(neighbours, model);
      }
      await look(neighbours, model);
      put += model.stickers.length;
      // The remaining stickers expire before the next story begins.
      world.clock.advance(10_000);
      while ((await world.store.write(expireStickers, SYSTEM, { limit: 500 })).more);
      expect(world.query("SELECT count(*) AS count FROM sticker_recipients")).toEqual([{ count: 0 }]);
    }),
    { numRuns: tries(4) },
  );
  const ended = [...journal(world, "sticker.removed"), ...journal(world, "sticker.expired")];
  const count = (rows: Json[]) => rows.reduce((sum, { data }) => sum + Object.keys(data.stickers).length, 0);
  expect(count(ended)).toBe(count(journal(world, "sticker.put")));
  expect(put).toBeGreaterThan(0);
}, 60_000);
