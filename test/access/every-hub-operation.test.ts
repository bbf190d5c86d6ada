import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hubApiOperations } from "../../src/http/hub-api/hub-api.ts";
import { hubCaller } from "../support/world/hub.ts";
import { prepared } from "../support/world/prepared-world.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

/** Things of one account to try operations on. */
type Things = { hub: string; idle: string; device: string };

type Row = {
  path?: (things: Things) => string;
  body?: (things: Things) => unknown;
  /** What another account's thing is not found as. `own` operations name no thing. */
  foreign: "hub" | "device" | "twin" | "own";
  /** Further actions that the role has to permit. */
  also?: string[];
  /** The status for the things' own account, if not success, given their state. */
  answers?: number;
};

const hub = ({ hub }: Things) => `/hubs/${hub}`;
const device = ({ device }: Things) => `/devices/${device}`;
const twin = ({ device }: Things) => `/twins/${device}`;
const document = (things: Things) => `${twin(things)}/documents/desired`;
const below = (of: (things: Things) => string, path: string) => (things: Things) => of(things) + path;
const data = () => ({ data: { a: 2 } });

const ROWS: Record<string, Row> = {
  list_hubs: { foreign: "own" },
  create_hub: { foreign: "own", body: () => ({ name: "another" }) },
  get_hub: { foreign: "hub", path: hub },
  update_hub: { foreign: "hub", path: hub, body: () => ({ name: "renamed" }) },
  enable_hub: { foreign: "hub", path: below(hub, "/enable") },
  disable_hub: { foreign: "hub", path: below(hub, "/disable") },
  delete_hub: { foreign: "hub", path: ({ idle }) => `/hubs/${idle}` },
  get_hub_metrics: { foreign: "hub", path: below(hub, "/metrics") },
  get_hub_ca: { foreign: "hub", path: below(hub, "/ca") },
  // The owner of the hub is checked before the certificates.
  set_hub_ca: {
    foreign: "hub",
    path: below(hub, "/ca"),
    body: () => ({ ca_cert_pem: "x", challenge_cert_pem: "x" }),
    answers: 400,
  },
  list_devices: { foreign: "own" },
  create_device: { foreign: "hub", body: ({ hub }) => ({ hub_id: hub, name: "new" }), also: ["create_twin"] },
  get_device: { foreign: "device", path: device },
  update_device: { foreign: "device", path: device, body: () => ({ description: "x" }) },
  enable_device: { foreign: "device", path: below(device, "/enable") },
  disable_device: { foreign: "device", path: below(device, "/disable") },
  delete_device: { foreign: "device", path: device, also: ["terminate_twin"] },
  get_device_metrics: { foreign: "device", path: below(device, "/metrics") },
  renew_device_certificate: { foreign: "device", path: below(device, "/renew-certificate") },
  set_device_certificate: {
    foreign: "device",
    path: below(device, "/certificate"),
    body: () => ({ certificate_pem: "x" }),
    answers: 400,
  },
  get_device_certificate: { foreign: "device", path: below(device, "/certificate") },
  list_twin_documents: { foreign: "twin", path: twin },
  delete_twin_documents: { foreign: "twin", path: twin },
  get_twin_document: { foreign: "twin", path: document },
  put_twin_document: { foreign: "twin", path: document, body: data },
  patch_twin_document: { foreign: "twin", path: document, body: data },
  delete_twin_document: { foreign: "twin", path: document },
};

async function thingsOf(world: World, caller: Caller & { token: string }): Promise<Things> {
  const call = hubCaller(world, caller.token);
  const hub = (await call("POST", "/hubs", { name: "hub" })).body.id;
  const idle = (await call("POST", "/hubs", { name: "idle" })).body.id;
  const { device } = (await call("POST", "/devices", { hub_id: hub, name: "panel" })).body;
  await call("PUT", `/twins/${device.id}/documents/desired`, { data: { a: 1 } });
  return { hub, idle, device: device.id };
}

const openPrepared = prepared(async (world) => {
  const caller = await world.createAccount();
  const stranger = await world.createAccount("Stranger");
  const [own, foreign] = [await thingsOf(world, caller), await thingsOf(world, stranger)];
  return { caller, own, foreign };
});

/** A world with two accounts, each with things of its own. */
async function openAccounts() {
  const { world, things } = await openPrepared();
  const { caller, own, foreign } = things;
  return { world, caller: { ...world.caller(caller, caller.authorization), token: caller.token }, own, foreign };
}

/**
 * Such a world with users of all kinds that are refused; all operations can share it, because refused requests change
 * nothing.
 */
async function openRefusing() {
  const { world, caller, own } = await openAccounts();
  const createUser = () => world.createUser(caller, { effect: "deny", actions: null });
  const [ended, byUser, bySecret, byRole] = [
    await createUser(),
    await createUser(),
    await createUser(),
    await createUser(),
  ];
  const userToken: string = (await caller.call("POST", "/token", {})).body.token;
  await ended.call("PATCH", `/users/${ended.user}/secrets`, { validity_ts: world.clock.now() / 1000 + 60 });
  world.clock.advance(60_000);
  const deletions = [`/users/${byUser.user}`, `/users/${bySecret.user}/secrets`, `/roles/${byRole.role}`];
  for (const path of deletions) expect((await caller.call("DELETE", path)).status).toBeLessThan(300);
  return { world, caller, own, ended, userToken, byUser, bySecret, byRole };
}

let refusing: Awaited<ReturnType<typeof openRefusing>>;
beforeAll(async () => {
  refusing = await openRefusing();
});
afterAll(() => refusing.world[Symbol.asyncDispose]());

await using plain = await openWorld();
const operations = hubApiOperations(plain.deps.config);

test("every hub operation has a row here, and every row is an operation", () => {
  expect(Object.keys(ROWS).sort()).toEqual(operations.map(({ id }) => id).sort());
});

for (const { id, method, path: pattern, ok } of operations) {
  const row = ROWS[id] as Row;
  const send = (things: Things, call: ReturnType<typeof hubCaller>) =>
    call(method.toUpperCase(), row.path?.(things) ?? pattern, row.body?.(things));

  describe(id, () => {
    test("missing, wrong and expired tokens are refused in the same words, and so are user tokens", async () => {
      const { world, caller, own, ended, userToken } = refusing;
      const unknown = { "x-auth-token": world.deps.random.uuid() };
      const credentials: [Record<string, string>, string][] = [
        [{ "x-auth-token": "" }, "invalid_argument"],
        [{ "x-auth-token": userToken }, "invalid_argument"],
        [{ "x-auth-token": caller.authorization }, "invalid_argument"],
        [{ "x-auth-token": "", authorization: caller.authorization }, "invalid_argument"],
        [unknown, "not_found"],
        [{ "x-auth-token": ended.token }, "not_found"],
      ];
      for (const [headers, reason] of credentials) {
        const call: ReturnType<typeof hubCaller> = (...args) =>
          hubCaller(world, "")(args[0], args[1], args[2], headers);
        const { status, body } = await send(own, call);
        expect([status, body]).toEqual([
          401,
          { type: "denied_authentication", message: "authentication is denied", method: "api_key", reason },
        ]);
      }
    });

    test("deleting the user, secret or role takes effect at once", async () => {
      const { world, own, byUser, bySecret, byRole } = refusing;
      expect((await send(own, hubCaller(world, byUser.token))).status).toBe(401);
      expect((await send(own, hubCaller(world, bySecret.token))).status).toBe(401);
      expect((await send(own, hubCaller(world, byRole.token))).status).toBe(403);
    });

    test("the role decides", async () => {
      const { world, caller, own } = await openAccounts();
      await using _ = world;
      const actions = [id, ...(row.also ?? [])];
      const allowed = await world.createUser(caller, { effect: "allow", actions });
      for (const action of actions) {
        const denied = await world.createUser(caller, { effect: "deny", actions: [action] });
        const refused = await send(own, hubCaller(world, denied.token));
        expect([action, refused.status, refused.body.type]).toEqual([action, 403, "permissions_denied"]);
        const only = await world.createUser(caller, { effect: "allow", actions: actions.filter((a) => a !== action) });
        expect((await send(own, hubCaller(world, only.token))).status).toBe(403);
      }
      expect((await send(own, hubCaller(world, allowed.token))).status).toBe(row.answers ?? ok.status);
    });

    if (row.foreign !== "own") {
      test("another account's things are not found, like those that do not exist", async () => {
        const { world, caller, foreign } = await openAccounts();
        await using _ = world;
        const call = hubCaller(world, caller.token);
        const absent = {
          hub: world.deps.random.uuid(),
          idle: world.deps.random.uuid(),
          device: world.deps.random.uuid(),
        };
        for (const things of [foreign, absent]) {
          const { status, body } = await send(things, call);
          expect([status, { ...body, resource_id: "" }]).toEqual([
            404,
            { type: "not_found", message: "resource is not found", resource: row.foreign, resource_id: "" },
          ]);
        }
      });
    }
  });
}
