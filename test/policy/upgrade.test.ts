import { expect, test } from "bun:test";
import { join } from "node:path";
import { MIGRATIONS } from "../../src/store/migrations/index.ts";
import { migrate } from "../../src/store/migrations/migrate.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { expectConsistent } from "../support/store/breakages.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { openWorld } from "../support/world/world.ts";

const BEFORE = MIGRATIONS.filter(({ number }) => number < 17);

type Property = "visibility" | "publish" | "source" | "history";

test("rules stored before authors were recorded get the user that the journal names, and the operator is notified of the others", async () => {
  const folder = memoryFolder();
  const file = join(folder.path, "twinpost.db");
  await migrate(file, 0, BEFORE);
  const connection = new Connection(file);
  const insert = (table: string, row: Record<string, string | number | null>) =>
    connection.run(
      `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${Object.keys(row).fill("?").join()})`,
      ...Object.values(row),
    );
  const at = { created_at: 1000, updated_at: 1000 };
  for (const id of ["meter", "other"]) insert("accounts", { id, name: id, ...at });
  insert("roles", { id: "open", account_id: "meter", name: "open", effect: "deny", ...at });
  insert("roles", { id: "clerk", account_id: "meter", name: "clerk", effect: "deny", entry_rule: "true", ...at });
  insert("users", { id: "admin", account_id: "meter", role_id: "open", ...at });
  insert("users", { id: "bound", account_id: "meter", role_id: "clerk", ...at });
  insert("twins", { id: "twin", owner_id: "meter", creator_id: "meter", ...at });
  const place = { twin_id: "twin", account_id: "meter" };
  const entry = (name: string, columns: Partial<Record<Property, string>>, updated_at = 1000, account_id = "meter") =>
    insert("ledger_entries", {
      ...place,
      account_id,
      name,
      type: "value",
      value: "1",
      ...at,
      updated_at,
      value_changed_at: 1000,
      ...columns,
      record_count: 2,
      recent: "[[900,0],[1000,1]]",
    });
  const told = (kind: string, actor_id: string | null, data: object) =>
    insert("events", {
      occurred_at: 1000,
      ...place,
      kind,
      actor_kind: actor_id ? "user" : "system",
      actor_id,
      data: JSON.stringify(data),
    });
  const value = { changed_ts: 1, new_value: '"visibility":', old_value: { publish: 1 } };

  const publish = '{"red":"LEDGER.a == 1","USER-{USER.x}":"true"}';
  entry("known", { visibility: "true", publish, history: "1M" }, 5000);
  entry("unknown", { visibility: "LEDGER.a == 1", publish });
  entry("plain", { history: "1M" }, 5000);
  entry("theirs", { visibility: "true" }, 1000, "other");
  connection.run(
    `INSERT INTO ledger_entries (twin_id, account_id, name, type, value, source_twin, source_account, source_name,
       created_at, updated_at, value_changed_at) VALUES ('twin', 'meter', 'hop', 'include', 'null', 'x', 'meter', 'y', 0, 0, 0)`,
  );
  told("ledger.entry.added", "gone", {
    entries: { known: { visibility: null, publish: null, type: "value", ...value } },
  });
  told("ledger.entry.updated", "admin", { entries: { known: { visibility: "true", ...value }, plain: value } });
  told("ledger.entry.updated", "bound", { entries: { known: { publish: JSON.parse(publish), ...value } } });
  told("ledger.entry.updated", "gone", { entries: { known: { history: "1M", ...value }, unknown: value } });
  told("ledger.entry.added", "bound", { entries: { hop: { source: { twinId: "x" }, visibility: null, ...value } } });

  const identity = (name: string, visibility: string | null) =>
    insert("identities", { ...place, name, visibility, ...at });
  for (const name of ["RFID#1", "RFID#2", "RFID#3"]) identity(name, "LEDGER.a == 1");
  identity("RFID#4", null);
  const named = (name: string, visibility: string | null) => ({ identities: { [name]: { visibility } } });
  told("identity.created", "gone", named("RFID#1", null));
  told("identity.updated", "bound", named("RFID#1", "LEDGER.a == 1"));
  // Only prolonged.
  told("identity.updated", "admin", named("RFID#1", "LEDGER.a == 1"));
  told("identity.created", "admin", named("RFID#2", "LEDGER.a == 1"));
  told("identity.updated", "gone", named("RFID#3", "LEDGER.a == 1"));
  connection.close();

  await using world = await openWorld({}, undefined, folder);
  const authors = world.query("SELECT name, authors FROM ledger_entries ORDER BY account_id, name");
  expect(authors.map(({ name, authors }) => [name, JSON.parse(authors)])).toEqual([
    ["hop", { include: { by: "bound", bound: true } }],
    ["known", { visibility: { by: "admin", since: 5000 }, publish: [{ by: "bound", bound: true }] }],
    ["plain", null],
    ["unknown", { visibility: { since: 1000 }, publish: [{}] }],
    ["theirs", { visibility: { since: 1000 } }],
  ]);
  const identities = world.query("SELECT name, author FROM identities ORDER BY name");
  expect(identities.map(({ name, author }) => [name, JSON.parse(author)])).toEqual([
    ["RFID#1", { by: "bound", bound: true }],
    ["RFID#2", { by: "admin" }],
    ["RFID#3", {}],
    ["RFID#4", null],
  ]);
  const notices = world.logged.filter(({ event }) => event.startsWith("upgrade."));
  expect(notices).toMatchObject([
    {
      level: "warn",
      event: "upgrade.rules_without_author",
      account: "meter",
      visibilities: 1,
      publishes: 1,
      identities: 1,
      holding_no_more: 3,
    },
    {
      level: "warn",
      event: "upgrade.rules_without_author",
      account: "other",
      visibilities: 1,
      publishes: 0,
      identities: 0,
      holding_no_more: 0,
    },
    { level: "warn", event: "upgrade.histories_of_visible_entries", account: "meter", entries: 1 },
  ]);
  expectConsistent(folder.path);
});
