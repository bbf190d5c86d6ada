import { expect, test } from "bun:test";
import { join } from "node:path";
import { MIGRATIONS } from "../../src/store/migrations/index.ts";
import { migrate } from "../../src/store/migrations/migrate.ts";
import { reportUpgradeNotices } from "../../src/store/migrations/upgrade-notices.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { expectConsistent } from "../support/store/breakages.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { openWorld } from "../support/world/world.ts";

const before = MIGRATIONS.filter(({ number }) => number < 18);

type Role = { effect: string; actions: string[] | null; twinRule?: string };

/**
 * An account as the first release left it: for each role a user with a secret, a PIN and a token, and one whose role
 * was deleted.
 */
function seed(database: Connection, account: string, roles: Record<string, Role>) {
  const run = (table: string, row: Record<string, string | number | null>) =>
    database.run(
      `INSERT INTO ${table} (${Object.keys(row)}) VALUES (${Object.keys(row).map(() => "?")})`,
      ...Object.values(row),
    );
  const times = { created_at: 0, updated_at: 0 };
  run("accounts", { id: account, name: account, ...times });
  for (const [name, { effect, actions, twinRule = null }] of Object.entries(roles)) {
    const rule = { twin_rule: twinRule };
    run("roles", {
      id: `${account} ${name}`,
      account_id: account,
      name,
      effect,
      actions: actions && JSON.stringify(actions),
      ...rule,
      ...times,
    });
  }
  for (const name of [...Object.keys(roles), "gone"]) {
    const id = `${account} ${name}`;
    run("users", { id, account_id: account, role_id: id, description: '{"company":"a"}', ...times });
    const digests = { secret_digest: `s ${id}`, token_digest: `t ${id}`, fingerprint: "abcd" };
    run("user_secrets", { user_id: id, ...digests, expires_at: 9_000_000_000_000, ...times });
    run("user_tokens", { id: `token ${id}`, user_id: id, options: "[]", created_at: 0 });
    run("pins", { account_id: account, pin_digest: id, user_id: id, expires_at: 9_000_000_000_000 });
  }
}

test("credentials of the first release keep their rights, and gain none where a weaker user may have made them", async () => {
  using folder = memoryFolder();
  const file = join(folder.path, "twinpost.db");
  await migrate(file, 0, before);
  const database = new Connection(file);
  const admin = { effect: "deny", actions: null };
  seed(database, "safe", { admin, reader: { effect: "allow", actions: ["get_twin"] } });
  seed(database, "doubtful", {
    admin,
    clerk: { effect: "allow", actions: ["create_user_secret_pin", "get_twin"], twinRule: "USER.company == 'a'" },
    reader: { effect: "allow", actions: ["get_twin"] },
  });
  seed(database, "bound", { admin, clerk: { effect: "deny", actions: [], twinRule: "true" } });
  database.close();

  await using world = await openWorld({}, undefined, folder);
  await reportUpgradeNotices(world.store, world.deps.log);
  const rows = (table: string, id: string) =>
    Object.fromEntries(
      world
        .query(`SELECT replace(${id}, 'token ', '') AS id, ceiling FROM ${table}`)
        .map(({ id, ceiling }) => [id, JSON.parse(ceiling)]),
    );
  const ceiling = (
    effect: string,
    actions: string[] | null,
    twin: string | null = null,
    user: object | null = null,
  ) => ({
    statement: { effect, actions },
    rules: { twin, identity: null, entry: null },
    user,
  });
  const clerk = ceiling("allow", ["create_user_secret_pin", "get_twin"], "USER.company == 'a'", {
    keys: null,
    values: { company: "a" },
  });
  const held = {
    "doubtful admin": null,
    "doubtful clerk": clerk,
    "doubtful reader": ceiling("allow", ["get_twin"]),
    "doubtful gone": ceiling("allow", null),
    "bound admin": null,
    "bound clerk": ceiling("deny", [], "true"),
    "bound gone": ceiling("allow", null),
  };
  expect(rows("user_secrets", "user_id")).toEqual({
    ...held,
    "safe admin": null,
    "safe reader": null,
    "safe gone": null,
  });
  expect(rows("user_tokens", "id")).toEqual({
    ...held,
    "safe admin": null,
    "safe reader": ceiling("allow", ["get_twin"]),
    "safe gone": ceiling("allow", null),
  });
  const granted = world.query("SELECT user_id FROM user_secrets WHERE granted_until IS NULL ORDER BY user_id");
  expect(granted.map(({ user_id }) => user_id)).toEqual(["bound admin", "doubtful admin", "safe admin"]);
  expect(world.query("SELECT count(*) AS count FROM pins")[0].count).toBe(0);
  const told = world.logged
    .filter(({ event }) => event.startsWith("upgrade."))
    .map(({ event, account, secrets, pins }) => [event, account, secrets ?? pins]);
  expect(told).toEqual([
    ["upgrade.secrets_bounded", "bound", 2],
    ["upgrade.secrets_bounded", "doubtful", 3],
    ["upgrade.pins_ended", "bound", 3],
    ["upgrade.pins_ended", "doubtful", 4],
    ["upgrade.pins_ended", "safe", 3],
  ]);
  expectConsistent(folder.path);
});
