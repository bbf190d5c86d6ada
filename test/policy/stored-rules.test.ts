import { expect, test } from "bun:test";
import { createReader, createTwin, EVERYTHING, ledgerOf, OPEN_RULES } from "../ledgers/ledger-world.ts";
import { journal, messages, published, subscribeForGood } from "../support/world/published-messages.ts";
import { type Caller, type Json, openWorld, type World } from "../support/world/world.ts";

// Rules that one user stores are evaluated when others act, with the rights of their author.

const NOT_SECRET = { entry_rule: "not (entry_name =~ 'sec.*')" };
const DAY = 86_400_000;

/** A company with a twin, a plain and a secret entry, and a clerk whose role hides the secret one. */
async function openCompany(topics: readonly string[] = [], rules: Json = NOT_SECRET) {
  const world = await openWorld();
  const company = await world.createAccount();
  const twin = await createTwin(company);
  const clerk = await createReader(world, company, rules);
  world.seed((connection) => subscribeForGood(connection, company.account, topics));
  const ledger = ledgerOf(company, twin);
  await ledger.add({ plain: { value: 0 }, secret: { value: "topsecret" } });
  let count = 0;
  return {
    world,
    company,
    twin,
    clerk,
    ledger,
    ofClerk: ledgerOf(clerk, twin),
    /** Changes the plain entry as `by`, and returns the topics on which the change was published. */
    async publishedWhen(by: Pick<Caller, "call" | "account">, options: Json = {}) {
      const before = messages(world).length;
      const entries = { plain: { value: ++count } };
      const answer = await by.call("PATCH", `/twins/${twin}/ledgers/personal/value`, { entries }, options);
      expect(answer.body.entries.plain).toMatchObject({ value: count });
      return messages(world)
        .slice(before)
        .map((message) => message.split(" to ")[1]);
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

/** The caller with a token that has a dictionary, and with a dictionary header. */
async function bringing(world: World, caller: Caller, secret_dict: Json, dictionary: Json) {
  const { token } = (await caller.call("POST", "/token", { secret_dict })).body;
  const headers = {
    authorization: token,
    "x-trustedtwin": Buffer.from(JSON.stringify(dictionary)).toString("base64"),
  };
  const call: Caller["call"] = (method, path, body, options = {}) =>
    world.call(method, path, { body, ...options, headers: { ...headers, ...options.headers } });
  return { ...caller, call };
}

test("a publishing rule reveals nothing to its author that their role hides, even if another user makes the change", async () => {
  await using opened = await openCompany(["right", "wrong", "empty", "secret-topsecret", "secret-", "whole", "own"]);
  const { company, clerk, ofClerk, publishedWhen } = opened;
  const publish = {
    right: "LEDGER.secret =~ 'top.*'",
    wrong: "LEDGER.secret =~ 'zzz.*'",
    empty: "LEDGER['secret'] == null",
    "secret-{LEDGER[secret]}": "true",
    whole: "'topsecret' in LEDGER.values",
    own: "LEDGER.plain > 0 and 'plain' in LEDGER",
  };
  await ofClerk.update({ plain: { publish } });
  for (const who of [clerk, company]) expect(await publishedWhen(who)).toEqual(["own"]);
});

test("a topic reveals neither description, token's dictionary nor header of the user who makes the change", async () => {
  await using opened = await openCompany(["sal_1000", "sal_9000", "q_", "q_hunter2", "d_", "d_77", "d_5", "guess"]);
  const { world, company, clerk, ofClerk, publishedWhen } = opened;
  await company.call("PATCH", `/users/${company.user}`, { description: { salary: 9000 } });
  await company.call("PATCH", `/users/${clerk.user}`, { description: { salary: 1000 } });
  const publish = {
    "sal_{USER.salary}": "true",
    "q_{SECRET.pw}": "true",
    "d_{DICT.k}": "true",
    guess: "SECRET.pw =~ 'h.*' or DICT.k == 77 or USER.salary == 9000",
  };
  await ofClerk.update({ plain: { publish } });
  const admin = await bringing(world, company, { pw: "hunter2" }, { k: 77 });
  expect(await publishedWhen(admin)).toEqual(["sal_1000", "q_", "d_"]);
  // The author's own header counts, but a token's dictionary is hidden from its holder.
  const author = await bringing(world, clerk, { pw: "hunter2" }, { k: 5 });
  expect(await publishedWhen(author)).toEqual(["sal_1000", "q_", "d_5"]);
});

test("a message contains a value, new or old, only while the rule's author may read the entry with it", async () => {
  for (const entry_rule of ["entry_value < 10", "LEDGER.level < 10"]) {
    await using opened = await openCompany(["told"], { entry_rule });
    const { world, ledger, ofClerk } = opened;
    await ledger.add({ level: { value: 1 } });
    await ofClerk.update({ level: { publish: { told: "true" } } });
    for (const value of [2, 50, 60, 3]) await ledger.update({ level: { value } });
    await ledger.update({ level: { value: 70 } });
    await ledger.remove("level");
    const told = published(world).map(({ event }) => [event.level.old_value, event.level.new_value]);
    expect(told).toEqual([
      [1, 2],
      [null, 3],
    ]);
  }
});

test("a value is published regardless of its visibility, and the first message has the previous value", async () => {
  await using opened = await openCompany(["told"]);
  const { world, company, ledger } = opened;
  await ledger.add({ level: { value: 1, visibility: "false" } });
  await ledger.update({ level: { publish: { told: "true" } } });
  await ledger.update({ level: { value: 2 } });
  const event = { level: { old_value: 1, new_value: 2 } };
  expect(published(world)).toMatchObject([{ account: company.account, topics: ["told"], event }]);
});

test("an entry's visibility reveals to a partner nothing that is hidden from its author", async () => {
  await using opened = await openCompany();
  const { world, company, twin, clerk, ledger, ofClerk } = opened;
  const partner = await createReader(world, await world.createAccount("Partner"), OPEN_RULES);
  const shown = async () =>
    Object.keys((await partner.call("GET", `/twins/${twin}/ledgers/${company.account}`)).body.entries);
  const rules = [
    "LEDGER.secret =~ 'top.*'",
    "LEDGER.secret == null",
    "not LEDGER.secret",
    "'topsecret' in LEDGER.values",
  ];
  await ofClerk.add(Object.fromEntries(rules.map((visibility, n) => [`by_clerk${n}`, { value: n, visibility }])));
  expect(await shown()).toEqual([]);
  await ledger.add(Object.fromEntries(rules.map((visibility, n) => [`by_admin${n}`, { value: n, visibility }])));
  expect(await shown()).toEqual(["by_admin0", "by_admin3"]);
  // Nor what its author may not read any more.
  await ofClerk.update({ by_clerk0: { visibility: "true" } });
  expect(await shown()).toEqual(["by_admin0", "by_admin3", "by_clerk0"]);
  await company.call("PATCH", `/roles/${clerk.role}`, {
    rules: { entry_rule: "not (entry_name =~ 'sec.*|by_clerk0')" },
  });
  expect(await shown()).toEqual(["by_admin0", "by_admin3"]);
});

test("an identity's visibility reveals to a partner nothing that is hidden from its author", async () => {
  await using opened = await openCompany([], { ...NOT_SECRET, identity_rule: "identity != 'RFID#9'" });
  const { world, company, twin, clerk } = opened;
  const reach = { ...OPEN_RULES, identity_rule: "true" };
  const partner = await createReader(world, await world.createAccount("Partner"), reach);
  const shown = async () =>
    Object.keys((await partner.call("GET", `/twins/${twin}/identities?show_foreign=true`)).body.identities);
  const name = async (by: Pick<Caller, "call">, identities: Json) =>
    (await by.call("POST", `/twins/${twin}/identities`, { identities })).body;
  await name(clerk, {
    "RFID#1": { visibility: "LEDGER.secret =~ 'top.*'" },
    "RFID#2": { visibility: "LEDGER.secret == null" },
    "RFID#3": { visibility: "LEDGER.plain == 0" },
  });
  await name(company, { "RFID#4": { visibility: "LEDGER.secret =~ 'top.*'" } });
  expect(await shown()).toEqual(["RFID#3", "RFID#4"]);
  // A user who prolongs it, or sends the same rule back, does not become its author.
  const back = { visibility: "LEDGER.secret =~ 'top.*'", validity_ts: null };
  await company.call("PATCH", `/twins/${twin}/identities/RFID%231`, back);
  expect(await shown()).toEqual(["RFID#3", "RFID#4"]);
  await company.call("PATCH", `/roles/${clerk.role}`, { rules: { identity_rule: "identity != 'RFID#3'" } });
  expect(await shown()).toEqual(["RFID#4"]);
  // If the author's role permits no ledger operation, a visibility cannot read ledgers either.
  const actions = ["get_twin", "create_twin_identity"];
  const namer = await world.createUser(company, { effect: "allow", actions });
  await name(namer, { "RFID#5": { visibility: "LEDGER.secret =~ 'top.*'" }, "RFID#6": { visibility: "true" } });
  expect(await shown()).toEqual(["RFID#4", "RFID#6"]);
});

test("an include has no value for users from whom the role hides its source, nor after its author lost the right to read it", async () => {
  await using opened = await openCompany(["p-topsecret", "p-"]);
  const { world, company, twin, clerk, publishedWhen } = opened;
  const other = await createTwin(company);
  const include = { source: `twin://${twin}/secret` };
  await ledgerOf(company, other).add({ hop: { include, visibility: "true" }, plain: { value: 1 } });
  const path = `/twins/${other}/ledgers/${company.account}`;
  const read = async (who: Pick<Caller, "call">) =>
    (await who.call("GET", `${path}?entries=hop`)).body.entries.hop.value;
  const found = async (who: Pick<Caller, "call">, match: string) =>
    (await who.call("GET", `/twins?match=${encodeURIComponent(match)}`)).body.twins;
  expect(await read(company)).toBe("topsecret");
  expect(await read(clerk)).toBe(null);
  expect((await clerk.call("GET", `${path}/value?entries=hop`)).body.entries.hop.value).toBe(null);
  expect((await clerk.call("PATCH", path, { entries: { hop: { visibility: "true" } } })).body.entries.hop.value).toBe(
    null,
  );
  expect(await found(company, "LEDGER.hop == 'topsecret'")).toEqual([other]);
  expect(await found(clerk, "LEDGER.hop == 'topsecret'")).toEqual([]);

  // A partner sees what its author sees.
  const partner = await createReader(world, await world.createAccount("Partner"), OPEN_RULES);
  expect(await read(partner)).toBe("topsecret");
  await ledgerOf(clerk, other).update({ hop: { visibility: "entry_name == 'hop'" } });
  expect(await read(partner)).toBe(null);
  await ledgerOf(company, other).update({ hop: { visibility: "true" } });
  expect(await read(partner)).toBe("topsecret");

  // The clerk's include reveals to others nothing that the clerk may not read any more.
  const free = await createReader(world, company, { entry_rule: "true" });
  await ledgerOf(free, other).add({ later: { include } });
  await company.call("PATCH", `/roles/${free.role}`, { rules: NOT_SECRET });
  const { later } = await ledgerOf(company, other).entries();
  expect(later.value).toBe(null);

  // Nor can a user who may not read it publish it.
  const source = `twin://${other}/hop`;
  await ledgerOf(company, twin).add({ through: { include: { source } } });
  await ledgerOf(clerk, twin).update({ plain: { publish: { "p-{LEDGER.through}": "true" } } });
  expect(await publishedWhen(company)).toEqual(["p-"]);
});

test("rules that another user sends back keep their authors, topic by topic, until they are set anew", async () => {
  await using opened = await openCompany(["a", "b", "c"]);
  const { world, company, twin, ledger, ofClerk, publishedWhen } = opened;
  const partner = await createReader(world, await world.createAccount("Partner"), OPEN_RULES);
  const shown = async () =>
    Object.keys((await partner.call("GET", `/twins/${twin}/ledgers/${company.account}`)).body.entries);
  const rule = "LEDGER.secret =~ 'top.*'";
  await ofClerk.update({ plain: { publish: { a: rule }, visibility: rule } });
  const { publish, visibility } = await ledger.entry("plain");
  await ledger.update({ plain: { publish, visibility } });
  expect([await publishedWhen(company), await shown()]).toEqual([[], []]);
  await ledger.update({ plain: { publish: { ...publish, b: rule } } });
  expect(await publishedWhen(company)).toEqual(["b"]);
  await ofClerk.update({ plain: { publish: { a: rule, b: rule, c: rule } } });
  expect(await publishedWhen(company)).toEqual(["b"]);
  await ledger.update({ plain: { publish: null, visibility: null } });
  await ledger.update({ plain: { publish, visibility } });
  expect([await publishedWhen(company), await shown()]).toEqual([["a"], ["plain"]]);
});

test("a reference that another user sends back keeps the rights of the user who added it", async () => {
  await using opened = await openCompany();
  const { world, company, twin, clerk } = opened;
  world.scheduler.start();
  const other = await createTwin(company);
  const ref = { source: `twin://${twin}/${company.account}/secret` };
  await ledgerOf(clerk, other).add({ copy: { ref } });
  const settle = async () => {
    world.clock.advance(DAY);
    await world.scheduler.settled();
  };
  await settle();
  const { ref: answered } = await ledgerOf(company, other).entry("copy");
  await ledgerOf(company, other).update({ copy: { ref: answered } });
  await settle();
  expect(await ledgerOf(clerk, other).entry("copy")).toMatchObject({ value: null, ref: { status: "not_found" } });
});

test("rules outlast their author for their own entry, but not if a rule of the author's role bound them", async () => {
  const topics = ["own", "at", "user", "other", "whole", "bound"];
  await using opened = await openCompany(topics);
  const { world, company, twin, clerk, ledger, ofClerk, publishedWhen } = opened;
  const partner = await createReader(world, await world.createAccount("Partner"), OPEN_RULES);
  const shown = async () =>
    Object.keys((await partner.call("GET", `/twins/${twin}/ledgers/${company.account}`)).body.entries);
  const leaver = await world.createUser(company, EVERYTHING);
  await company.call("PATCH", `/users/${leaver.user}`, { description: { desk: "north" } });
  const publish = {
    own: "new_value > 0 and LEDGER.plain > 0",
    at: "TWIN == null and DICT == null",
    user: "USER.desk == 'north'",
    other: "LEDGER.secret != null",
    whole: "LEDGER.length > 0",
  };
  await ledgerOf(leaver, twin).update({ plain: { publish, visibility: "USER == null and LEDGER.plain >= 0" } });
  await ledgerOf(leaver, twin).add({ other: { value: 1, visibility: "not LEDGER.nothing" } });
  await ofClerk.add({ by_clerk: { value: 1, visibility: "true" } });
  await ofClerk.update({ plain: { publish: { ...publish, bound: "true" } } });
  expect(await publishedWhen(company)).toEqual(topics);
  expect(await shown()).toEqual(["by_clerk", "other", "plain"]);
  // Deleting the role and deleting the user have the same effect.
  expect((await company.call("DELETE", `/roles/${leaver.role}`)).status).toBe(200);
  expect((await company.call("DELETE", `/users/${clerk.user}`)).status).toBe(200);
  for (const _ of [1, 2]) {
    expect(await publishedWhen(company)).toEqual(["own", "at"]);
    expect(await shown()).toEqual(["plain"]);
    await company.call("DELETE", `/users/${leaver.user}`);
  }
  // Another user becomes the author by setting them anew.
  await ledger.update({ plain: { publish: null } });
  await ledger.update({ plain: { publish: { other: publish.other } } });
  expect(await publishedWhen(company)).toEqual(["other"]);
  expect(journal(world, "notification.skipped")).toEqual([]);
});

test("a user who has lost all ledger operations gets nothing more through the publishing rules that they set", async () => {
  await using opened = await openCompany(["own", "other"]);
  const { world, company, twin, publishedWhen } = opened;
  const mover = await world.createUser(company, EVERYTHING);
  await ledgerOf(mover, twin).update({ plain: { publish: { own: "true", other: "LEDGER.secret != null" } } });
  expect(await publishedWhen(company)).toEqual(["own", "other"]);
  const statement = { effect: "allow", actions: ["webhook_subscribe"] };
  await company.call("PATCH", `/roles/${mover.role}`, { statement });
  expect(await publishedWhen(company)).toEqual([]);
});

test("a match or a condition reveals nothing of the dictionary of the token that its holder uses", async () => {
  await using opened = await openCompany();
  const { world, company, twin } = opened;
  const holder = await bringing(world, company, { pw: "hunter2" }, { k: 1 });
  const found = async (match: string) =>
    (await holder.call("GET", `/twins?match=${encodeURIComponent(match)}`)).body.twins;
  expect(await found("SECRET.pw =~ 'h.*'")).toEqual([]);
  expect(await found("SECRET == null and DICT.k == 1")).toEqual([twin]);
  const update = async (condition: string) => {
    const body = { entries: { plain: { value: 0 } }, conditions: { plain: condition } };
    return (await holder.call("PATCH", `/twins/${twin}/ledgers/personal`, body)).body.entries.plain.error;
  };
  expect(await update("SECRET.pw =~ 'h.*'")).toBe("Condition not met.");
  expect(await update("SECRET == null and DICT.k == 1")).toBe(undefined);
});

test("a role's rules cannot read ledgers if its maker's role permits no ledger operation", async () => {
  await using opened = await openCompany();
  const { world, company } = opened;
  const actions = ["get_twin", "create_user_role", "update_user_role", "create_user", "create_user_secret_pin"];
  const keeper = await world.createUser(company, { effect: "allow", actions });
  const statement = { effect: "allow", actions: ["get_twin"] };
  const create = (rules: Json) => keeper.call("POST", "/roles", { name: "Guess", statement, rules });
  expect((await create({ twin_rule: "LEDGER.secret =~ 'top.*'" })).status).toBe(403);
  expect((await create({ identity_rule: "'x' in LEDGER" })).status).toBe(403);
  const made = await create({ twin_rule: "TWIN == null" });
  expect(made.status).toBe(201);
  const change = (rules: Json) => keeper.call("PATCH", `/roles/${made.body.uuid}`, { rules });
  expect((await change({ twin_rule: "LEDGER.secret =~ 'top.*'" })).status).toBe(403);
  expect((await change({ twin_rule: "true" })).status).toBe(200);
});
