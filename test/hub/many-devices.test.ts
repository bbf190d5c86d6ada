import { expect, test } from "bun:test";
import { listDevices } from "../../src/hub/devices/list-devices.ts";
import type { UserActor } from "../../src/kernel/actor.ts";
import { costlySteps, recordQueries } from "../support/world/queries-asked.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

// An account may have a thousand hubs of ten thousand devices: a list returns one page of them, whatever its filters.

type Seeded = { id: string; name: string; hub_id: string; enabled: number; created_at: number };

function seed(world: World, { account }: Caller, count: number): Seeded[] {
  const hubs = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
  const devices = Array.from({ length: count }, (_, index) => ({
    id: crypto.randomUUID(),
    name: `d${(index * 7919) % 10_007}`,
    hub_id: hubs[index % 3] as string,
    enabled: Number(index % 5 > 0),
    created_at: (index * 31) % 97,
  }));
  world.seed((connection) => {
    for (const [index, id] of hubs.entries()) {
      connection.run(
        `INSERT INTO hubs (id, account_id, name, product_plan, enabled, disable_events, events_topic_prefix, auto_provisioning,
           ca_pem, ca_fingerprint, created_at, updated_at) VALUES (?, ?, ?, 'plan_shared', 1, 0, 'x', 0, '', ?, 1, 1)`,
        id,
        account,
        `hub ${index}`,
        id,
      );
    }
    for (const { id, name, hub_id, enabled, created_at } of devices) {
      connection.run(
        "INSERT INTO twins (id, owner_id, creator_id, description, created_at, updated_at) VALUES (?, ?, ?, ?, 1, 1)",
        id,
        account,
        account,
        `{"n":${name.slice(1)}}`,
      );
      connection.run(
        `INSERT INTO devices (id, account_id, hub_id, name, description, enabled, allow_insecure, allow_multiple_connections,
           message_filters, has_custom_certificate, is_connected, created_at, updated_at)
         VALUES (?, ?, ?, ?, '', ?, 0, 0, '{}', 0, 0, ?, 1)`,
        id,
        account,
        hub_id,
        name,
        enabled,
        created_at,
      );
    }
  });
  return devices;
}

const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const ORDERS: Record<string, (a: Seeded, b: Seeded) => number> = {
  name: (a, b) => text(a.name, b.name),
  created_at: (a, b) => a.created_at - b.created_at,
  status: (a, b) => a.enabled - b.enabled,
  hub_id: (a, b) => text(a.hub_id, b.hub_id),
};

test("every order, filter and page of 300 devices matches sorting them all, with and without a rule", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const devices = seed(world, company, 300);
  const bound = await world.createUser(company, { effect: "deny", actions: null });
  await company.call("PATCH", `/roles/${bound.role}`, { rules: { twin_rule: "TWIN.n % 3 == 0" } });
  const base = "/iot/v1/regions/fr-par/devices";
  const get = async (token: string, query: string) =>
    (await world.call("GET", `${base}?${query}`, { headers: { "x-auth-token": token } })).body;

  for (const [order, compare] of Object.entries(ORDERS)) {
    for (const direction of ["asc", "desc"]) {
      for (const [token, isSeen] of [
        [company.token, () => true],
        [bound.token, ({ name }: Seeded) => Number(name.slice(1)) % 3 === 0],
      ] as const) {
        for (const [filter, fits] of [
          ["", () => true],
          ["status=disabled", ({ enabled }: Seeded) => enabled === 0],
          [`hub_id=${devices[1]?.hub_id}`, ({ hub_id }: Seeded) => hub_id === devices[1]?.hub_id],
          [`name=${devices[9]?.name}`, ({ name }: Seeded) => name === devices[9]?.name],
        ] as const) {
          const sorted = devices
            .filter((device) => isSeen(device) && fits(device))
            .sort((a, b) => (direction === "asc" ? compare(a, b) : compare(b, a)) || text(a.id, b.id));
          for (const page of [1, 3]) {
            const query = `order_by=${order}_${direction}&page=${page}&page_size=40&${filter}`;
            const { total_count, devices: shown } = await get(token, query);
            const ids = shown.map(({ id }: { id: string }) => id);
            const wanted = sorted.slice((page - 1) * 40, page * 40).map(({ id }) => id);
            expect([query, total_count, ids]).toEqual([query, sorted.length, wanted]);
          }
        }
      }
    }
  }
}, 30_000);

test("a page of many devices reads only that page, and an index for the others", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  seed(world, company, 1500);
  const actor = {
    kind: "user",
    accountId: company.account,
    userId: company.user,
    roleId: company.role,
    dictionary: null,
    token: null,
    statement: { effect: "deny", actions: null },
    rules: { twin: null, identity: null, entry: null },
  } as unknown as UserActor;
  const page = { page: 1, pageSize: 50, descending: false };
  const { deps, asked } = recordQueries(world);
  expect((await listDevices(deps, actor, { page: { ...page, orderBy: "name" } })).totalCount).toBe(1500);
  expect(asked.reduce((rows, one) => rows + one.rows, 0)).toBeLessThan(300);
  await listDevices(deps, actor, { status: "enabled", page: { ...page, orderBy: "created_at" } });
  expect(costlySteps(world, asked)).toEqual([]);
});
