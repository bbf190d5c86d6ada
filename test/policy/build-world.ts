import { type Caller, type Json, openWorld, type World } from "../support/world/world.ts";
import { ACCOUNTS, type Plan, type RoleRules } from "./random-world.ts";
import type { Rule } from "./rule-pool.ts";

// The same things twice: in a real server, and as plain data for the naive evaluation.

export type Twin = {
  id: string;
  owner: string;
  description: Json;
  createdAt: number;
  updatedAt: number;
  terminatedAt: number | null;
};

export type Entry = {
  twin: string;
  account: string;
  name: string;
  kind: "value" | "include" | "reference";
  value: Json;
  source: { twin: string; account: string; name: string } | null;
  visibility: Rule | null;
  /** Null if no history is kept. */
  records: { at: number; value: Json }[] | null;
  createdAt: number;
  changedAt: number;
};

export type Identity = {
  twin: string;
  account: string;
  name: string;
  visibility: Rule | null;
  expiresAt: number | null;
  createdAt: number;
  updatedAt: number;
};

/** A user who makes requests. */
export type Person = {
  account: string;
  description: Json;
  rules: RoleRules;
  dictionary: Json;
  secretDictionary: Json;
  call: (method: string, path: string, body?: unknown) => ReturnType<Caller["call"]>;
};

export type Model = {
  now: number;
  accounts: string[];
  twins: Twin[];
  entries: Entry[];
  identities: Identity[];
  people: Person[];
};

const SECOND = 1000;
const NO_RULES: RoleRules = { twin: null, identity: null, entry: null };

/** Creates everything in the plan, one thing a second, through the super admins, whom no rule binds. */
export async function buildWorld(plan: Plan): Promise<{ world: World; model: Model }> {
  const world = await openWorld();
  const tick = () => {
    world.clock.advance(SECOND);
    return world.clock.now();
  };
  const admins: Caller[] = [];
  for (let i = 0; i < ACCOUNTS; i++) admins.push(await world.createAccount());
  const adminOf = (index: number) => admins[index] as Caller;
  const accountOf = (index: number) => adminOf(index).account;
  const now = world.clock.now() + 3600 * SECOND;

  const twins: Twin[] = [];
  for (const { owner, description, terminated } of plan.twins) {
    const createdAt = tick();
    const told = description && {
      kind: description.kind,
      friend: description.friend === undefined ? undefined : accountOf(description.friend),
    };
    const answer = await done(adminOf(owner).call("POST", "/twins", { description: told }));
    const id: string = answer.creation_certificate.uuid;
    const terminatedAt = terminated ? tick() : null;
    if (terminated) await done(adminOf(owner).call("DELETE", `/twins/${id}`));
    const updatedAt = terminatedAt ?? createdAt;
    twins.push({ id, owner: accountOf(owner), description: plain(told), createdAt, updatedAt, terminatedAt });
  }
  const twinOf = (index: number) => (twins[index] as Twin).id;

  const entries: Entry[] = [];
  for (const { twin, account, name, content, visibility, history } of plan.entries) {
    const createdAt = tick();
    const path = `/twins/${twinOf(twin)}/ledgers/personal`;
    const entry: Entry = {
      twin: twinOf(twin),
      account: accountOf(account),
      name,
      kind: "value",
      value: null,
      source: null,
      visibility,
      records: history ? [] : null,
      createdAt,
      changedAt: createdAt,
    };
    const add = (how: object) => {
      const body = { ...how, visibility: visibility?.text ?? null, history: history ? "INF" : null };
      return done(adminOf(account).call("POST", path, { entries: { [name]: body } }));
    };
    if ("includes" in content) {
      const { name: source } = content.includes;
      const target = twinOf(content.includes.twin);
      entry.kind = "include";
      entry.source = { twin: target, account: entry.account, name: source };
      entry.records = null;
      await add({ include: { source: `twin://${target}/${source}` } });
    } else if ("refersTo" in content) {
      // Never copied here, because no job runs.
      const { twin: target, account: owner } = content.refersTo;
      entry.kind = "reference";
      entry.source = { twin: twinOf(target), account: accountOf(owner), name: "a" };
      entry.records?.push({ at: createdAt, value: null });
      await add({ ref: { source: `twin://${twinOf(target)}/${accountOf(owner)}/a` } });
    } else {
      const [first = null, ...later] = content.values;
      const keep = (value: Json, at: number) => {
        entry.records?.push({ at, value });
        Object.assign(entry, { value, changedAt: at });
      };
      keep(first, createdAt);
      await add({ value: first });
      for (const value of later) {
        const at = tick();
        await done(adminOf(account).call("PATCH", `${path}/value`, { entries: { [name]: { value } } }));
        if (JSON.stringify(value) !== JSON.stringify(entry.value)) keep(value, at);
      }
    }
    entries.push(entry);
  }

  const identities: Identity[] = [];
  for (const { twin, account, name, visibility, expiresIn } of plan.identities) {
    const createdAt = tick();
    const expiresAt = expiresIn === null ? null : now + expiresIn;
    const wish = { validity_ts: expiresAt && expiresAt / SECOND, visibility: visibility?.text };
    await done(adminOf(account).call("POST", `/twins/${twinOf(twin)}/identities`, { identities: { [name]: wish } }));
    identities.push({
      twin: twinOf(twin),
      account: accountOf(account),
      name,
      visibility,
      expiresAt,
      createdAt,
      updatedAt: createdAt,
    });
  }

  const people: Person[] = [];
  for (const [index, { description, rules, dictionary, secretDictionary }] of plan.users.entries()) {
    const admin = adminOf(index);
    const unbound = { description: null, rules: NO_RULES, dictionary: null, secretDictionary: null };
    people.push({ ...unbound, account: admin.account, call: admin.call });
    const told = description && {
      ...description,
      home: description.home === undefined ? undefined : twinOf(description.home),
    };
    const user = await world.createUser(admin, { effect: "deny", actions: null });
    const texts = { twin_rule: rules.twin?.text, identity_rule: rules.identity?.text, entry_rule: rules.entry?.text };
    await done(admin.call("PATCH", `/roles/${user.role}`, { rules: texts }));
    await done(admin.call("PATCH", `/users/${user.user}`, { description: told }));
    const header = dictionary && Buffer.from(JSON.stringify(dictionary)).toString("base64");
    const token = secretDictionary && (await done(user.call("POST", "/token", { secret_dict: secretDictionary })));
    const headers = {
      authorization: token ? token.token : user.authorization,
      ...(header && { "x-trustedtwin": header }),
    };
    const call = (method: string, path: string, body?: unknown) => world.call(method, path, { body, headers });
    people.push({ account: admin.account, description: plain(told), rules, dictionary, secretDictionary, call });
  }
  world.clock.advance(now - world.clock.now());
  return { world, model: { now, accounts: admins.map(({ account }) => account), twins, entries, identities, people } };
}

/** As JSON carries it: without undefined members. */
const plain = (value: Json): Json => JSON.parse(JSON.stringify(value));

async function done(answer: ReturnType<Caller["call"]>): Promise<Json> {
  const { status, body } = await answer;
  const refused = Object.values(body?.entries ?? body?.identities ?? {}).find((item: Json) => item.error);
  if (status >= 300 || refused) throw new Error(`refused: ${status} ${JSON.stringify(body)}`);
  return body;
}
