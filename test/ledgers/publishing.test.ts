import { expect, test } from "bun:test";
import { newTwin, openLedger as openPlain } from "../support/world/ledger.ts";
import { journal, listen, messages, published } from "../support/world/published-messages.ts";
import type { Json } from "../support/world/world.ts";

/** A ledger of an account that subscribes to its own topics. */
async function openLedger() {
  const opened = await openPlain();
  listen(opened.world, opened.company.account);
  return opened;
}

test("an added, a changed and a deleted entry are published if their rule holds, with the values before and after", async () => {
  await using opened = await openLedger();
  const { world, company, twin, path, add } = opened;
  const change = (value: Json) => company.call("PATCH", `${path}/value`, { entries: { reading: { value } } });
  const publish = {
    "reading-changed": "true",
    alarm: "new_value > 100 and old_value <= 100",
    gone: "new_value == null",
  };
  await add({ reading: { value: 4, publish } });
  const added = world.clock.now() / 1000;
  world.clock.advance(1500);
  await change(101);
  await change(101);
  await change(102);
  world.clock.advance(1500);
  await company.call("DELETE", path);
  const about = { account: company.account, twin };
  const event = (old_value: Json, new_value: Json, seconds: number) => ({
    reading: { new_value, old_value, changed_ts: Math.round((added + seconds) * 1000) / 1000 },
  });
  expect(published(world)).toEqual([
    { ...about, trigger: "ledger.entry.added", topics: ["reading-changed"], event: event(null, 4, 0) },
    { ...about, trigger: "ledger.entry.updated", topics: ["reading-changed"], event: event(4, 101, 1.5) },
    { ...about, trigger: "ledger.entry.updated", topics: ["alarm"], event: event(4, 101, 1.5) },
    { ...about, trigger: "ledger.entry.updated", topics: ["reading-changed"], event: event(101, 102, 1.501) },
    { ...about, trigger: "ledger.entry.deleted", topics: ["reading-changed"], event: event(102, null, 3) },
    { ...about, trigger: "ledger.entry.deleted", topics: ["gone"], event: event(102, null, 3) },
  ]);
});

test("all entries that one request changes and publishes on one topic are one message", async () => {
  await using opened = await openLedger();
  const { world, add, change } = opened;
  await add({
    a: { value: 1, publish: { all: "true", "only-{entry_name}": "true" } },
    b: { value: 2, publish: { all: "true", odd: "new_value % 2 == 1" } },
    c: { value: 3, publish: { all: "true" } },
    d: { value: 4 },
  });
  expect(published(world).map(({ topics, event }) => [topics, Object.keys(event)])).toEqual([
    [["all"], ["a", "b", "c"]],
    [["only-a"], ["a"]],
  ]);
  await change({ b: { value: 5 }, c: { value: 3 }, d: { value: 6 } });
  expect(
    published(world)
      .slice(2)
      .map(({ topics, event }) => [topics, Object.keys(event)]),
  ).toEqual([
    [["all"], ["b"]],
    [["odd"], ["b"]],
  ]);
});

test("a topic is a template; an invalid result is skipped and journaled", async () => {
  await using opened = await openLedger();
  const { world, company, twin, add, change } = opened;
  await company.call("PATCH", `/twins/${twin}`, { description: { site: "north" } });
  const publish = {
    "site.{TWIN[site]}.{entry_name}": "true",
    "level-{new_value[level]}": "true",
    "from-{old_value[level]}": "old_value != null",
    "{LEDGER[target]}": "true",
    "{TWIN[none]}": "true",
  };
  await add({ target: { value: "a b" }, reading: { value: { level: 3 }, publish } });
  expect(messages(world)).toEqual(["site.north.reading", "level-3"].map((topic) => `ledger.entry.added to ${topic}`));
  const [skipped] = journal(world, "notification.skipped");
  expect(skipped.data).toEqual({
    skipped: [
      { entry: "reading", topic: "a b" },
      { entry: "reading", topic: "" },
    ],
  });
  // LEDGER is the ledger after the change: the target of this request counts.
  await change({ target: { value: "there" }, reading: { value: { level: 4 } } });
  expect(messages(world).slice(2)).toEqual(
    ["site.north.reading", "level-4", "from-3", "there"].map((topic) => `ledger.entry.updated to ${topic}`),
  );
  // Two templates with the same resulting topic make one message.
  await add({
    other: { value: 1, publish: { same: "true", "{entry_name}": "false", "s{LEDGER[rest]}": "true" } },
    rest: { value: "ame" },
  });
  expect(messages(world).slice(6)).toEqual(["ledger.entry.added to same"]);
});

test("a publishing rule sees the caller, the twin, the ledger after the change and the dictionary, and an error counts as false", async () => {
  await using opened = await openLedger();
  const { world, company, twin, path, add } = opened;
  await company.call("PATCH", `/users/${company.user}`, { description: { desk: "north" } });
  const rules = {
    "by-user": "USER.desk == 'north'",
    "by-account": `account == '${company.account}' and ledger == account and twin == '${twin}'`,
    "by-ledger": "LEDGER.other == 2 and LEDGER.reading == 1",
    "by-dictionary": "DICT.tenant == 'south'",
    "by-entry": "entry_name == 'reading' and entry_value == 1 and now > 0",
    "by-error": "LEDGER.other < 'a'",
    "by-nothing": "null",
  };
  const dictionary = Buffer.from('{"tenant":"south"}').toString("base64");
  const entries = { other: { value: 2 }, reading: { value: 1, publish: rules } };
  await company.call("POST", path, { entries }, { headers: { "x-trustedtwin": dictionary } });
  expect(messages(world)).toEqual(
    ["by-user", "by-account", "by-ledger", "by-dictionary", "by-entry"].map(
      (topic) => `ledger.entry.added to ${topic}`,
    ),
  );
  await add({ silent: { value: 1 } });
  expect(messages(world).length).toBe(5);
});

test("nothing is published if nothing was stored, or if only properties changed", async () => {
  await using opened = await openLedger();
  const { world, company, path, add, change } = opened;
  const publish = { changed: "true" };
  await add({ reading: { value: 1 } });
  await change({ reading: { publish, visibility: "true", history: "1M" } });
  await change({ reading: { value: 2 } }, { conditions: { reading: "value == 7" } });
  await change({ reading: { value: 2 }, missing: { value: 1 } }, { transaction: true });
  await add({ reading: { value: 3, publish } });
  const large = { value: "x".repeat(60_000), publish };
  await add({ large });
  expect((await add({ larger: large })).body.subcode).toBe(400_141);
  await company.call("PATCH", path, { entries: { reading: { value: 1 } } });
  expect(published(world).map(({ event }) => Object.keys(event))).toEqual([["large"]]);
  await change({ reading: { value: 2, publish: null } });
  expect(published(world).length).toBe(1);
  await change({ reading: { value: 3, publish } });
  expect(published(world).length).toBe(2);
});

test("a value copied into a reference is published too, with the rights of the user who added the reference", async () => {
  await using opened = await openLedger();
  const { world, company, twin, add } = opened;
  world.scheduler.start();
  const supplier = await world.createAccount("Supplier");
  const fitter = await world.createUser(company, { effect: "deny", actions: null });
  await company.call("PATCH", `/roles/${fitter.role}`, { rules: { entry_rule: "true", twin_rule: "true" } });
  await company.call("PATCH", `/users/${fitter.user}`, { description: { desk: "north" } });
  const theirs = await newTwin(supplier);
  const write = (method: string, value: number) =>
    supplier.call(method, `/twins/${theirs}/ledgers/personal`, {
      entries: { pressure: { value, visibility: "true" } },
    });
  await write("POST", 5);
  const ref = { source: `twin://${theirs}/${supplier.account}/pressure` };
  const publish = { copied: "true", "by-{USER[desk]}": "new_value > 6 and LEDGER.pressure == new_value" };
  await fitter.call("POST", `/twins/${twin}/ledgers/personal`, { entries: { pressure: { ref, publish } } });
  const settle = async () => {
    world.clock.advance(3_600_000);
    await world.scheduler.settled();
  };
  await settle();
  await write("PATCH", 7);
  await settle();
  await add({ unrelated: { value: 1 } });
  const told = published(world).map(({ trigger, topics, account, event }) => [
    trigger,
    topics[0],
    account === company.account,
    event.pressure.old_value,
    event.pressure.new_value,
  ]);
  expect(told).toEqual([
    ["ledger.entry.added", "copied", true, null, null],
    ["ledger.entry.updated", "copied", true, null, 5],
    ["ledger.entry.updated", "copied", true, 5, 7],
    ["ledger.entry.updated", "by-north", true, 5, 7],
  ]);
});
