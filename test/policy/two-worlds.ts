import { expect } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { copyReferences } from "../../src/ledgers/copy-references.ts";
import { createTwin, OPEN_RULES } from "../ledgers/ledger-world.ts";
import { published, subscribeForGood } from "../support/world/published-messages.ts";
import { type Caller, type Json, openWorld, type World } from "../support/world/world.ts";

// Runs the same story in two worlds that differ in one thing only: what only a company's super admin may read. That is
// an entry, an entry that others may read while it has another value, a past value of a third, and the admin's
// description, header and token. Other users must not find any difference between the worlds, whatever rules they store
// and wherever they read. Or the difference is what a reader of another account brings along (description, header and
// token) when they read what the company made visible; users of the company must not learn it.

const SECRETS = ["zza", "zzb"] as const;
type Secret = (typeof SECRETS)[number];

const HIDDEN = ["secret", "past", "level"];
const NAMES = [...HIDDEN, "plain", "other", "hop", "mine"];

/** Rules that hide the secret from the users they bind, by name or by value. */
const BY_NAME = ["not (entry_name in ['secret', 'past', 'level'])", "entry_name in ['plain', 'other', 'hop', 'mine']"];
const BY_VALUE = [
  "not (entry_value =~ 'zz.*')",
  "entry_value == null or not (entry_value =~ 'zz.*' or entry_name == 'secret')",
];
const nameRule = fc.constantFrom(...BY_NAME);
const valueRule = fc.constantFrom(...BY_VALUE);

const SOURCES = [
  ...HIDDEN.flatMap((name) => [`LEDGER.${name}`, `LEDGER['${name}']`]),
  "LEDGER.hop",
  "LEDGER.mine",
  "LEDGER.plain",
  "USER.k",
  "DICT.k",
  "SECRET.k",
  "TWIN.k",
  "entry_value",
  "new_value",
  "old_value",
];
const source = fc.constantFrom(...SOURCES);
const atom = fc.oneof(
  source.map((of) => `${of} == 'zza'`),
  source.map((of) => `${of} =~ 'zz[a-m]*'`),
  source.map((of) => `${of} == null`),
  fc.tuple(source, source).map(([a, b]) => `${a} == ${b}`),
  fc.constantFrom("'zza' in LEDGER.values", "LEDGER.length > 4", "'secret' in LEDGER", "entry_name in LEDGER"),
  fc.constantFrom("[v for v in LEDGER.values if v == 'zza'].length > 0", "LEDGER == null"),
);
const rule = fc.oneof(
  { weight: 5, arbitrary: fc.constant("true") },
  { weight: 5, arbitrary: atom },
  { weight: 1, arbitrary: atom.map((inner) => `not (${inner})`) },
  { weight: 1, arbitrary: fc.tuple(atom, atom).map(([a, b]) => `${a} or ${b}`) },
);

const FIELDS = [
  "LEDGER.secret",
  "LEDGER.level",
  "LEDGER.hop",
  "USER.k",
  "DICT.k",
  "SECRET.k",
  "new_value",
  "old_value",
];
const template = fc.oneof(
  fc.constant("told"),
  fc.constantFrom(...FIELDS).map((field) => `t-{${field}}`),
);
const TOPICS = ["told", "t-", "t-null", ...["zza", "zzb", "zzq", "low", "x", "y"].map((value) => `t-${value}`)];

const name = fc.constantFrom(...NAMES, "plain", "plain", "level", "level");
const twin = fc.constantFrom(0, 0, 0, 1);
const value = fc.constantFrom("x", "y", "zza");
const publish = fc.dictionary(template, rule, { minKeys: 1, maxKeys: 3 });

/** A user from whom the secret is hidden: two of the company, and one of another. */
const other = fc.constantFrom("clerk", "fitter", "partner");

/** What the others try. */
const anyTry = fc.record({
  by: other,
  twin,
  what: fc.oneof(
    { weight: 4, arbitrary: fc.record({ name, set: fc.record({ publish }) }) },
    { weight: 4, arbitrary: fc.record({ name, set: fc.record({ visibility: rule }) }) },
    { weight: 2, arbitrary: fc.record({ name, set: fc.record({ history: fc.constant("INF") }) }) },
    { weight: 3, arbitrary: fc.record({ name, set: fc.record({ value }) }) },
    { weight: 2, arbitrary: fc.record({ name, set: fc.record({ value }), condition: rule }) },
    { weight: 3, arbitrary: fc.record({ name, add: fc.record({ value, visibility: rule, publish }) }) },
    { weight: 2, arbitrary: fc.record({ name, include: name, visibility: rule }) },
    { weight: 2, arbitrary: fc.record({ name, refersTo: name }) },
    { weight: 1, arbitrary: fc.record({ name, remove: fc.constant(true) }) },
    { weight: 2, arbitrary: fc.record({ identity: fc.constantFrom("A#1", "A#2"), visibility: rule }) },
    { weight: 2, arbitrary: fc.record({ match: rule }) },
  ),
});

/** What the super admin does: none of it reveals the secret, but it is done with the secret at hand. */
const anyDeed = fc.record({
  by: fc.constant("admin"),
  twin,
  what: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ write: fc.constantFrom("secret", "level"), value: fc.constantFrom("v", "v", "zzq") }),
    },
    { weight: 3, arbitrary: fc.record({ write: fc.constant("level"), value: fc.constant("low") }) },
    { weight: 1, arbitrary: fc.record({ write: fc.constant("past"), value }) },
    { weight: 5, arbitrary: fc.record({ write: fc.constantFrom("plain", "other", "mine"), value }) },
    { weight: 3, arbitrary: fc.record({ sendBack: name }) },
    { weight: 2, arbitrary: fc.record({ hop: fc.constantFrom("secret", "level", "plain") }) },
    { weight: 1, arbitrary: fc.constant({ publishPlain: true }) },
    {
      weight: 1,
      arbitrary: fc.record({ rebind: fc.constantFrom("clerk", "fitter"), to: fc.oneof(nameRule, valueRule) }),
    },
    { weight: 1, arbitrary: fc.constant({ dismiss: true }) },
  ),
});

const anyStory = fc.record({
  rules: fc.tuple(nameRule, valueRule),
  /** What the two bound users and the partner publish from the beginning. */
  published: fc.tuple(publish, publish, publish),
  steps: fc.array(fc.oneof({ weight: 3, arbitrary: anyTry }, { weight: 2, arbitrary: anyDeed }), {
    minLength: 15,
    maxLength: 30,
    size: "max",
  }),
});
type Story = typeof anyStory extends fc.Arbitrary<infer Drawn> ? Drawn : never;
type What = Story["steps"][number]["what"];

type Person = Pick<Caller, "call" | "account" | "user" | "role">;
/** Who has the secret. */
type Keeper = "admin" | "partner";

type People = Record<"admin" | "clerk" | "fitter" | "partner", Person>;

/** All that the others receive while a story runs with one secret or the other, with names in place of ids. */
async function observe({ rules, published: wishes, steps }: Story, keeper: Keeper, secret: Secret): Promise<string[]> {
  await using world = await openWorld();
  const { people, twins } = await populate(world, rules, keeper, secret);
  const ids: [id: string, name: string][] = [
    ...twins.map((id, n): [string, string] => [id, `twin ${n}`]),
    ...Object.entries(people).flatMap(([name, { account, user, role }]): [string, string][] => [
      [account, name === "partner" ? "partner account" : "account"],
      [user, name],
      [role, `role of ${name}`],
    ]),
  ];
  const seen: string[] = [];
  const named = (what: Json) => ids.reduce((text, [id, name]) => text.replaceAll(id, name), JSON.stringify(what));
  const note = (what: Json) => {
    if (what.body) delete what.body.trace;
    seen.push(named(what));
  };
  const path = `/twins/${twins[0]}/ledgers/personal`;
  const wish = (person: Person, name: string, publish: Json) =>
    person.call("PATCH", path, { entries: { [name]: { publish } } });
  await wish(people.clerk, "plain", wishes[0]);
  await wish(people.fitter, "level", wishes[1]);
  await wish(people.fitter, "other", wishes[2]);
  for (const [index, { by, twin, what }] of steps.entries()) {
    world.clock.advance(1000);
    // The holder of the secret does not reveal it by a visibility of their own.
    if (by === keeper && "visibility" in what) continue;
    if (by === keeper && "set" in what && "visibility" in what.set) continue;
    const person = people[by as keyof People];
    const request = requestOf(
      what,
      people,
      twins[twin] as string,
      twins[1 - twin] as string,
      keeper === "admin" ? secret : "zzq",
    );
    const { status, body } = await act(person, request);
    if (by !== keeper) note({ index, by, status, body });
    while ((await world.store.write(copyReferences, SYSTEM, { limit: 50 })).more);
    if (index % 10 === 9) await lookAround(people, keeper, twins, note);
  }
  await lookAround(people, keeper, twins, note);
  // The order of copies is that of ids, which differ between worlds.
  const told = published(world).filter(({ account }) => keeper === "admin" || account !== people.partner.account);
  seen.push(...told.map(named).sort());
  return seen;
}

async function populate(
  world: World,
  rules: Story["rules"],
  keeper: Keeper,
  secret: Secret,
): Promise<{ people: People; twins: string[] }> {
  const company = await world.createAccount();
  const stranger = await world.createAccount("Partner");
  const everything = { effect: "deny", actions: null };
  const bound = async (entry_rule: string) => {
    const user = await world.createUser(company, everything);
    await company.call("PATCH", `/roles/${user.role}`, { rules: { entry_rule } });
    await company.call("PATCH", `/users/${user.user}`, { description: { k: "x" } });
    return bringing(world, user, user.authorization, { k: "y" });
  };
  const [clerk, fitter] = [await bound(rules[0]), await bound(rules[1])];
  const reader = await world.createUser(stranger, everything);
  await stranger.call("PATCH", `/roles/${reader.role}`, { rules: { ...OPEN_RULES, identity_rule: "true" } });
  const withToken = async (caller: Caller, by: Caller, k: string) => {
    const { token } = (await caller.call("POST", "/token", { secret_dict: { k } })).body;
    await by.call("PATCH", `/users/${caller.user}`, { description: { k } });
    return bringing(world, caller, token, { k });
  };
  const admin = await withToken(company, company, keeper === "admin" ? secret : "x");
  const partner = await withToken(reader, stranger, keeper === "partner" ? secret : "y");
  const people = { admin, clerk, fitter, partner };

  const hidden = keeper === "admin" ? secret : "zzq";
  const twins = [await createTwin(company, { k: "x" }), await createTwin(company)];
  for (const twin of twins) {
    const path = `/twins/${twin}/ledgers/personal`;
    const entries = {
      secret: { value: hidden, history: "INF" },
      level: { value: "low", history: "INF" },
      past: { value: hidden, history: "INF" },
      plain: { value: "x", history: "INF", visibility: "true" },
      other: { value: "x" },
    };
    await admin.call("POST", path, { entries });
    world.clock.advance(1000);
    await admin.call("PATCH", path, { entries: { past: { value: "y" } } });
    world.clock.advance(1000);
    await admin.call("PATCH", path, { entries: { past: { visibility: "true" } } });
  }
  world.seed((connection) => {
    for (const { account } of [company, stranger]) subscribeForGood(connection, account, TOPICS);
  });
  return { people, twins };
}

function bringing(world: World, { account, user, role }: Caller, authorization: string, dictionary: Json): Person {
  const header = Buffer.from(JSON.stringify(dictionary)).toString("base64");
  const headers = { authorization, "x-trustedtwin": header };
  return { account, user, role, call: (method, path, body) => world.call(method, path, { body, headers }) };
}

type Request = [method: string, path: string, body?: Json] | { sendBack: string; path: string };

async function act(person: Person, request: Request) {
  if (Array.isArray(request)) return person.call(...request);
  const { path, sendBack } = request;
  const { body } = await person.call("GET", `${path}?entries=${sendBack}`);
  const { value, ref, include, visibility, publish, history } = body.entries?.[sendBack] ?? {};
  const entry = { ...(ref ? { ref } : include ? { include } : { value }), visibility, publish, history };
  return person.call("PATCH", path, { entries: { [sendBack]: entry } });
}

function requestOf(what: What, people: People, twin: string, another: string, secret: string): Request {
  const path = `/twins/${twin}/ledgers/personal`;
  const { account } = people.admin;
  if ("set" in what) {
    const conditions = "condition" in what ? { [what.name]: what.condition } : undefined;
    return ["PATCH", path, { entries: { [what.name]: what.set }, conditions }];
  }
  if ("add" in what) return ["POST", path, { entries: { [what.name]: what.add } }];
  if ("include" in what) {
    const { visibility } = what;
    const entry = { include: { source: `twin://${another}/${what.include}` }, visibility };
    return ["POST", path, { entries: { [what.name]: entry } }];
  }
  if ("refersTo" in what) {
    const ref = { source: `twin://${another}/${account}/${what.refersTo}` };
    return ["POST", path, { entries: { [what.name]: { ref } } }];
  }
  if ("remove" in what) return ["DELETE", `${path}?entries=${what.name}`];
  if ("identity" in what) {
    return ["POST", `/twins/${twin}/identities`, { identities: { [what.identity]: { visibility: what.visibility } } }];
  }
  if ("match" in what) return ["GET", `/twins?match=${encodeURIComponent(what.match)}`];
  if ("write" in what) {
    return ["PATCH", path, { entries: { [what.write]: { value: what.value === "v" ? secret : what.value } } }];
  }
  if ("sendBack" in what) return { sendBack: what.sendBack, path };
  if ("hop" in what)
    return ["POST", path, { entries: { hop: { include: { source: `twin://${another}/${what.hop}` } } } }];
  if ("publishPlain" in what) return ["PATCH", path, { entries: { plain: { publish: { told: "true" } } } }];
  if ("rebind" in what) {
    return ["PATCH", `/roles/${people[what.rebind as "clerk"].role}`, { rules: { entry_rule: what.to } }];
  }
  return ["DELETE", `/users/${people.fitter.user}`];
}

const QUESTIONS = ["LEDGER.hop == 'zza'", "LEDGER.level == 'zza'", "'zza' in LEDGER.values", "SECRET.k == 'zza'"];

async function lookAround(
  people: People,
  keeper: Keeper,
  twins: readonly string[],
  note: (what: Json) => void,
): Promise<void> {
  for (const [name, person] of Object.entries(people)) {
    if (name === keeper) continue;
    const look = async (path: string) => {
      const { status, body } = await person.call("GET", path);
      note({ name, path, status, body });
    };
    for (const twin of twins) {
      for (const account of [people.admin.account, people.partner.account]) {
        const path = `/twins/${twin}/ledgers/${account}`;
        for (const part of ["", "/value", "/history", "?entries=secret,level,past,hop"]) await look(`${path}${part}`);
      }
      await look(`/twins/${twin}/identities?show_foreign=true`);
    }
    for (const match of QUESTIONS) await look(`/twins?match=${encodeURIComponent(match)}`);
  }
}

/** Runs stories in both worlds. Returns how much was received in them. */
export async function proveSecrecy(keeper: Keeper, numRuns: number, timeLimitMs: number): Promise<number> {
  let told = 0;
  const property = fc.asyncProperty(anyStory, async (story) => {
    const [one, other] = [await observe(story, keeper, SECRETS[0]), await observe(story, keeper, SECRETS[1])];
    for (const [index, seen] of one.entries()) {
      if (seen !== other[index]) expect(seen).toBe(other[index] as string);
    }
    expect(one.length).toBe(other.length);
    told += one.length;
  });
  await fc.assert(property, { numRuns, interruptAfterTimeLimit: timeLimitMs, markInterruptAsFailure: true });
  return told;
}
