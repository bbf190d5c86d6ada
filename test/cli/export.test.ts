import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { withExport } from "../../src/cli/export.ts";
import { importInto } from "../../src/cli/import.ts";
import { rebuildAt } from "../../src/documents/rebuild-document.ts";
import { listRetained } from "../../src/mqtt/persistence/retained-rows.ts";
import { ACCOUNT_TABLES, ROOMS } from "../../src/rooms.ts";
import { createExportSeal } from "../../src/store/transfer/export-seal.ts";
import { busyAccount, type Step } from "../support/busy/busy-account.ts";
import { runHere } from "../support/process/run-here.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { migratedFolder } from "../support/store/migrated-folder.ts";
import { openTestStore } from "../support/store/open-test-store.ts";
import { openWorld, type World } from "../support/world/world.ts";

const PASSPHRASE = "correct horse battery staple";

async function textOf(dataDir: string, account: string, passphrase?: string) {
  let text = "";
  let left: string[] = [];
  await withExport(dataDir, account, passphrase, (lines, listLeftOut) => {
    for (const line of lines) text += line;
    left = listLeftOut();
  });
  return { text, left };
}

async function* linesOf(text: string): AsyncGenerator<string> {
  yield* text.split("\n").slice(0, -1);
}

/** An empty data directory, and the result of importing into it. */
async function importText(world: Pick<World, "deps">, text: string, passphrase?: string) {
  const folder = await migratedFolder();
  const { clock, random, log } = world.deps;
  try {
    await importInto({ dataDir: folder.path, clock, random, log }, linesOf(text), passphrase);
    return folder;
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

const aStep: fc.Arbitrary<Step> = fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(1000));

test("exporting an imported account gives the same bytes", async () => {
  const property = fc.asyncProperty(
    fc.array(aStep, { minLength: 5, maxLength: 60 }),
    // Deriving a key from a passphrase takes longer than everything else.
    fc.nat(3).map((n) => n === 0),
    fc.boolean(),
    async (steps, sealed, first) => {
      await using world = await openWorld();
      // Another account's rows are in between.
      const other = busyAccount(world, await world.createAccount("Other"));
      const caller = await world.createAccount();
      const busy = busyAccount(world, caller);
      if (first) await busy.liveAll();
      for (const [i, step] of steps.entries()) await (i % 3 ? busy : other).live([step]);
      const passphrase = sealed ? PASSPHRASE : undefined;
      const once = await textOf(world.dataDir, caller.account, passphrase);
      using folder = await importText(world, once.text, passphrase);
      const twice = await textOf(folder.path, caller.account, passphrase);
      expect(twice.text).toBe(once.text);
    },
  );
  await fc.assert(property, { numRuns: Number(process.env["TWINPOST_RUNS"] || 4) });
}, 120_000);

test("an imported account serves what it served before, and can be changed", async () => {
  await using world = await openWorld();
  await busyAccount(world, await world.createAccount("Other")).liveAll();
  const caller = await world.createAccount();
  const busy = busyAccount(world, caller);
  for (let i = 0; i < 2; i++) await busy.liveAll();
  // Grants are rows of the granting account: without it, subscriptions to its topics are dormant.
  world.seed((connection) => connection.run("DELETE FROM topic_grants WHERE grantee_id = ?", caller.account));
  const { text } = await textOf(world.dataDir, caller.account, PASSPHRASE);
  const paths = ["/whoami", "/twins?details=true", "/roles", "/users", "/stickers", "/notifications/subscriptions"];
  for (const twin of busy.twins)
    paths.push(`/twins/${twin}`, `/twins/${twin}/documents`, `/twins/${twin}/ledgers/personal/history`);
  const answersOf = async (of: World) => {
    const answers = [];
    for (const path of paths) {
      const { status, body } = await of.call("GET", path, { headers: { authorization: caller.authorization } });
      answers.push([path, status, body.trace ? { ...body, trace: "" } : body]);
    }
    return answers;
  };
  await using there = await openWorld({}, undefined, await importText(world, text, PASSPHRASE));
  expect(await answersOf(there)).toEqual(await answersOf(world));
  expect(JSON.stringify(await answersOf(there))).toContain('"state":"dormant"');
  expect(there.query("SELECT * FROM inherited_publishers")).not.toEqual([]);
  // Retained messages reach new subscribers; the numbers that stand for hubs may differ.
  const retainedIn = ({ store }: World) =>
    busy.hubs.map((hubId) => store.read((reader) => listRetained(reader, hubId, "#", 1e9)));
  expect(retainedIn(there)).toEqual(retainedIn(world));
  expect(retainedIn(there).flat()).not.toEqual([]);
  const numbersIn = ({ query }: World) => query("SELECT hub_id, number FROM mqtt_usage ORDER BY number");
  expect(numbersIn(there)).not.toEqual(numbersIn(world));

  // Documents keep their history, which refers to the renumbered journal rows.
  const pasts = there.query("SELECT twin_id, name, sequence, version, data FROM documents");
  expect(pasts.length).toBeGreaterThan(0);
  for (const { twin_id: twin, name, sequence, version, data } of pasts) {
    const rebuilt = there.store.read((reader) => rebuildAt(reader, { twin, name }, sequence));
    expect([rebuilt?.version, JSON.stringify(rebuilt?.data)]).toEqual([version, JSON.stringify(JSON.parse(data))]);
  }
  const headers = { authorization: caller.authorization };
  expect((await there.call("POST", "/twins", { headers, body: {} })).status).toBe(201);
  expect(there.query("SELECT kind FROM events ORDER BY sequence DESC LIMIT 2").map(({ kind }) => kind)).toEqual([
    "twin.created",
    "account.imported",
  ]);
  // The hub's CA still signs certificates.
  const [hub] = there.query("SELECT id FROM hubs WHERE ca_key_sealed IS NOT NULL");
  const device = await there.call("POST", "/iot/v1/regions/fr-par/devices", {
    headers: { "x-auth-token": caller.token },
    body: { hub_id: hub.id, name: "another" },
  });
  expect([device.status, device.body.certificate.crt.slice(0, 27)]).toEqual([200, "-----BEGIN CERTIFICATE-----"]);
});

test("an export without a passphrase contains no secret, sealed or not, and names what it leaves out", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const other = await world.createAccount("Other");
  await busyAccount(world, other).live([[0, 0, 0]]);
  const [foreign] = world.query("SELECT id FROM twins");
  await caller.call("POST", `/twins/${foreign.id}/ledgers/personal`, { entries: { mine: { value: 1 } } });
  await busyAccount(world, caller).liveAll();
  await caller.call("POST", `/users/${caller.user}/secrets`);
  const sealed = world.query(
    "SELECT signing_secret AS sealed FROM webhook_subscriptions UNION SELECT ca_key_sealed FROM hubs WHERE ca_key_sealed IS NOT NULL",
  );
  expect(sealed.length).toBeGreaterThan(1);
  for (const passphrase of [undefined, PASSPHRASE]) {
    const { text, left } = await textOf(world.dataDir, caller.account, passphrase);
    for (const secret of [...sealed.map((row) => row.sealed), caller.authorization, caller.token])
      expect(text).not.toContain(secret);
    expect(text.includes("webhook_subscriptions")).toBe(passphrase !== undefined);
    expect(left).toEqual(
      expect.arrayContaining([
        "1 PINs, which live ten minutes",
        "1 ledger entries on other accounts' twins",
        "1 MQTT sessions, with their subscriptions, the messages that wait in them, and wills",
      ]),
    );
    expect(left.some((line) => line.includes("secrets in hubs.ca_key_sealed, which need a passphrase"))).toBe(
      !passphrase,
    );
    expect(left.some((line) => line.includes("rows of webhook_subscriptions, which need a passphrase"))).toBe(
      !passphrase,
    );
  }
});

test("every table of the database is either exported or left out for a stated reason", async () => {
  await using store = await openTestStore();
  const connection = store.connect();
  const tables = connection
    .all("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'")
    .map((row) => String(row["name"]));
  const known = [
    ...ACCOUNT_TABLES.map(({ table }) => table),
    ...ROOMS.flatMap(({ leftTables = {} }) => Object.keys(leftTables)),
  ];
  expect(tables.filter((name) => !known.includes(name))).toEqual([]);
  expect(known.length).toBe(new Set(known).size);
  connection.close();
});

test("an invalid file is refused with the number of its line, and nothing of it is stored", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  await busyAccount(world, caller).liveAll();
  // Deriving a key from a passphrase takes longer than everything else, so most cases have no secrets.
  const { text } = await textOf(world.dataDir, caller.account);
  const { text: sealed } = await textOf(world.dataDir, caller.account, PASSPHRASE);
  const lines = text.split("\n").slice(0, -1);
  const header = JSON.parse(lines[0] as string);
  const twinLine = lines.findIndex((line) => line.startsWith('{"table":"twins"'));
  const retainedLine = lines.findIndex((line) => line.startsWith('{"table":"mqtt_retained"'));
  const changed = (index: number, change: (line: string) => string) =>
    `${lines.map((line, i) => (i === index ? change(line) : line)).join("\n")}\n`;
  const head = (rest: object) => changed(0, () => JSON.stringify({ ...header, ...rest }));
  const folder = await migratedFolder();
  using _ = folder;
  const { clock, random, log } = world.deps;
  const options = { dataDir: folder.path, clock, random, log };
  const refusal = (what: string, passphrase?: string) =>
    importInto(options, linesOf(what), passphrase).then(
      () => "imported",
      (error: Error) => `${error.name} ${error.message}`,
    );
  const cases: [string, RegExp][] = [
    ["", /^OperatorError line 1: the end is missing/],
    ["{}\n", /^OperatorError line 1: is not the header of an account/],
    ["nonsense\n", /^OperatorError line 1: is not JSON$/],
    [head({ format: 2 }), /^OperatorError line 1: made by a newer twinpost; import it with that one$/],
    [head({ schema: header.schema + 1 }), /^OperatorError line 1: made by a newer twinpost \(schema/],
    [head({ schema: header.schema - 1 }), /^OperatorError line 1: made by an older twinpost \(schema/],
    [changed(twinLine, (line) => line.slice(0, -5)), new RegExp(`^OperatorError line ${twinLine + 1}: is not JSON$`)],
    [
      changed(twinLine, (line) => line.replace('"twins"', '"nowhere"')),
      new RegExp(`line ${twinLine + 1}: there is no table nowhere`),
    ],
    [
      changed(twinLine, (line) => line.replace('"owner_id"', '"owner"')),
      new RegExp(`line ${twinLine + 1}: twins has no column owner$`),
    ],
    [
      changed(twinLine, (line) => line.replace(/"owner_id":"[^"]+",/, "")),
      new RegExp(`line ${twinLine + 1}: twins lacks its column owner_id$`),
    ],
    [
      changed(twinLine, (line) => line.replace(/"owner_id":"[^"]+"/, `"owner_id":"${caller.user}"`)),
      new RegExp(`line ${twinLine + 1}: FOREIGN KEY`),
    ],
    [
      changed(twinLine, (line) => line.replace('"position":1', '"position":0')),
      new RegExp(`line ${twinLine + 1}: twins.position is no rank$`),
    ],
    [
      changed(retainedLine, (line) => line.replace(/"hub_number":"[^"]+"/, '"hub_number":"x"')),
      new RegExp(`line ${retainedLine + 1}: mqtt_retained.hub_number names what is not there$`),
    ],
    [changed(twinLine, (line) => `${line}\n${line}`), new RegExp(`line ${twinLine + 2}: UNIQUE`)],
    [changed(twinLine, () => lines[1] as string), new RegExp(`line ${twinLine + 1}: accounts does not come here$`)],
    [
      changed(twinLine, (line) => line.replace("water", "x").replace('"created_at":', '"created_at":1')),
      new RegExp(`line ${lines.length}: it is not what was written`),
    ],
    [`${lines.filter((_, i) => i !== lines.length - 2).join("\n")}\n`, /it ends after \d+ rows, and \d+ are here$/],
    [
      `${lines.slice(0, -1).join("\n")}\n`,
      new RegExp(`line ${lines.length}: the end is missing: this is only a part$`),
    ],
    [`${text}${lines[1]}\n`, new RegExp(`line ${lines.length + 1}: there is more behind the end$`)],
  ];
  for (const [what, says] of cases) expect(await refusal(what)).toMatch(says);
  for (let cut = 1; cut < lines.length; cut += 7) {
    expect(await refusal(`${lines.slice(0, cut).join("\n")}\n`)).toContain(`line ${cut + 1}: the end is missing`);
  }
  const another = sealed.replace(`"account":"${caller.account}"`, `"account":"${caller.user}"`);
  for (const [what, passphrase] of [
    [sealed, "wrong"],
    [another, PASSPHRASE],
  ] as const) {
    expect(await refusal(what, passphrase)).toBe(
      "OperatorError line 1: the passphrase is not the one that it was sealed with",
    );
  }
  expect(await refusal(sealed)).toContain("line 1: its secrets are sealed");

  // The folder is still empty after all these refusals: the account can be imported once.
  expect(await refusal(sealed, PASSPHRASE)).toBe("imported");
  expect(await refusal(text)).toBe(`OperatorError line 1: account ${caller.account} is here already`);
  const other = await world.createAccount("Other");
  const { text: others } = await textOf(world.dataDir, other.account);
  expect(await refusal(others)).toContain("line 1: the database has accounts already");
});

test("rows of other accounts cannot be smuggled in", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const { text } = await textOf(world.dataDir, caller.account);
  const lines = text.split("\n").slice(0, -1);
  const stranger = (lines[1] as string).replace(caller.account, caller.user);
  const { createHash } = await import("node:crypto");
  const body = [lines[0], lines[1], stranger, ...lines.slice(2, -1)].map((line) => `${line}\n`).join("");
  const end = { rows: lines.length - 1, sha256: createHash("sha256").update(body).digest("hex") };
  await expect(importText(world, `${body}${JSON.stringify({ end })}\n`)).rejects.toThrow(
    `line ${lines.length + 1}: some rows of accounts are not of account ${caller.account}`,
  );
});

test("a secret sealed for an export opens only with its passphrase, account and label", () => {
  const seal = createExportSeal(PASSPHRASE, "a");
  const plain = new Uint8Array([1, 2, 3]);
  const sealed = seal.seal("label", plain);
  expect(seal.seal("label", plain)).toBe(sealed);
  expect(seal.seal("other", plain)).not.toBe(sealed);
  expect(new Uint8Array(createExportSeal(PASSPHRASE, "a").open("label", sealed))).toEqual(plain);
  expect(() => seal.open("other", sealed)).toThrow();
  expect(() => createExportSeal(PASSPHRASE, "b").open("label", sealed)).toThrow();
  expect(() => createExportSeal("wrong", "a").open("label", sealed)).toThrow("the passphrase is not the one");
});

test("the command line exports an account to a file that only its owner can read, and never overwrites one", async () => {
  await using world = await openWorld();
  using folder = memoryFolder();
  const { account } = await world.createAccount();
  const [file, elsewhere] = [join(folder.path, "account.ndjson"), join(folder.path, "elsewhere")];
  const { dataDir } = world;
  const out = await runHere(["export", "--account", account, file], { dataDir });
  expect([out.code, out.stderr]).toEqual([0, ""]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await runHere(["export", "--account", account, file], { dataDir });
  expect([again.code, again.stderr]).toEqual([1, `twinpost: ${file} exists already, and is never overwritten\n`]);

  const done = await runHere(["import", file], { dataDir: elsewhere });
  expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/^Imported account \S+: \d+ rows\.\n$/)]);
  const back = await runHere(["export", "--account", account], { dataDir: elsewhere });
  expect(back.stdout).toBe(readFileSync(file, "utf8"));
});

test("a wrong command line for export or import exits with code 2", async () => {
  using folder = memoryFolder();
  for (const [args, says] of [
    [["export"], "export needs --account"],
    [["export", "--account", "me"], "export needs --account"],
    [["import", "a", "b"], 'does not know what to do with "b"'],
  ] as const) {
    const { code, stderr } = await runHere([...args], { dataDir: folder.path });
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
  }
});
