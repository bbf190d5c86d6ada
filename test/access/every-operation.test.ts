import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { accountApiOperations } from "../../src/http/account-api/account-api.ts";
import { UNBUILT } from "../../src/http/account-api/unbuilt.ts";
import { type Purpose, tokenOf } from "../../src/notifications/model/tokens.ts";
import { prepared } from "../support/world/prepared-world.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

/** Things of one account to try operations on. */
type Things = Record<"account" | "user" | "role" | "twin" | "cursor" | "subscription" | "delivery", string> & {
  token: (purpose: Purpose) => string;
};

type Row = {
  path?: (things: Things) => string;
  body?: (things: Things) => unknown;
  /** Status and subcode if the things are another account's. `own` operations name no thing. */
  foreign: readonly [number, number | null] | "own";
  /** Operations that every user has, whatever the role denies; and those without credentials. */
  needs?: "user" | "token" | "nothing";
};

const NOT_FOUND = [404, 404_653] as const;
const FORBIDDEN = [403, 403_535] as const;
const user = ({ user }: Things) => `/users/${user}`;
const secret = ({ user }: Things) => `/users/${user}/secrets`;
const role = ({ role }: Things) => `/roles/${role}`;
const twin = ({ twin }: Things) => `/twins/${twin}`;
const IDENTITY = "NFC#1";
const identities = (things: Things) => `${twin(things)}/identities`;
const identity = (things: Things) => `${identities(things)}/${encodeURIComponent(IDENTITY)}`;
const ledger = (things: Things) => `${twin(things)}/ledgers/${things.account}`;
const document = (things: Things) => `${twin(things)}/documents/desired`;

const subscription = ({ subscription }: Things) => `/notifications/subscriptions/${subscription}`;
const delivery = ({ delivery }: Things) => `/notifications/deliveries/${delivery}`;
const hook =
  (purpose: Purpose) =>
  ({ account, token }: Things) =>
    `/notifications/webhooks/${account}?token=${token(purpose)}`;
const HOOK = { callback_url: "https://hooks.example.org/x", topic: "red" };

const stickers = (things: Things) => `${twin(things)}/stickers`;
const sticker = (things: Things) => `${stickers(things)}/red?context=${things.account}`;

const ROWS: Record<string, Row> = {
  who_am_i: { foreign: "own", needs: "user" },
  trace: { foreign: "own", needs: "user" },
  get_account: { foreign: "own" },
  update_account: { foreign: "own", body: () => ({ resource_access_log: null }) },
  get_users: { foreign: "own" },
  create_user: { foreign: [400, 400_979], body: ({ role }) => ({ role }) },
  get_user: { foreign: NOT_FOUND, path: user },
  update_user: { foreign: NOT_FOUND, path: user, body: () => ({ name: "New name" }) },
  delete_user: { foreign: NOT_FOUND, path: user },
  create_user_secret_pin: { foreign: NOT_FOUND, path: secret },
  get_user_secret: { foreign: NOT_FOUND, path: secret },
  update_user_secret: { foreign: NOT_FOUND, path: secret, body: () => ({ validity_ts: null }) },
  delete_user_secret: { foreign: NOT_FOUND, path: secret },
  create_user_secret: { foreign: NOT_FOUND, path: ({ account }) => `/secrets/${account}/ABC123`, needs: "nothing" },
  create_user_token: { foreign: "own", body: () => ({ options: ["create", "refresh"] }) },
  refresh_user_token: { foreign: "own", needs: "token" },
  get_user_roles: { foreign: "own" },
  create_user_role: { foreign: "own", body: () => ({ statement: { effect: "allow", actions: [] } }) },
  get_user_role: { foreign: NOT_FOUND, path: role },
  update_user_role: { foreign: NOT_FOUND, path: role, body: () => ({ name: "New name" }) },
  delete_user_role: { foreign: NOT_FOUND, path: role },
  scan_twins: { foreign: [400, 400_592], path: ({ cursor }) => `/twins?cursor=${encodeURIComponent(cursor)}` },
  create_twin: { foreign: "own", body: () => ({ description: { a: 1 } }) },
  get_twin: { foreign: [200, null], path: twin },
  update_twin: { foreign: FORBIDDEN, path: twin, body: () => ({ description: { a: 1 } }) },
  terminate_twin: { foreign: FORBIDDEN, path: twin },
  get_twin_identities: { foreign: [200, null], path: identities },
  create_twin_identity: { foreign: [201, null], path: identities, body: () => ({ identities: { "NFC#2": {} } }) },
  get_twin_identity: { foreign: NOT_FOUND, path: identity },
  update_twin_identity: { foreign: NOT_FOUND, path: identity, body: () => ({ validity_ts: null }) },
  delete_twin_identity: { foreign: NOT_FOUND, path: identity },
  resolve_twin_identity: {
    foreign: [200, null],
    path: ({ account }) => `/resolve/${encodeURIComponent(IDENTITY)}?context=${account}`,
  },
  get_twin_ledger_entry: { foreign: [200, null], path: ledger },
  add_twin_ledger_entry: { foreign: FORBIDDEN, path: ledger, body: () => ({ entries: { other: { value: 1 } } }) },
  update_twin_ledger_entry: { foreign: FORBIDDEN, path: ledger, body: () => ({ entries: { reading: { value: 2 } } }) },
  delete_twin_ledger_entry: { foreign: FORBIDDEN, path: ledger },
  get_twin_ledger_entry_value: { foreign: [200, null], path: (things) => `${ledger(things)}/value` },
  update_twin_ledger_entry_value: {
    foreign: FORBIDDEN,
    path: (things) => `${ledger(things)}/value`,
    body: () => ({ entries: { reading: { value: 2 } } }),
  },
  get_twin_ledger_entry_history: { foreign: [200, null], path: (things) => `${ledger(things)}/history` },
  list_twin_documents: { foreign: NOT_FOUND, path: (things) => `${twin(things)}/documents` },
  delete_twin_documents: { foreign: NOT_FOUND, path: (things) => `${twin(things)}/documents` },
  get_twin_document: { foreign: NOT_FOUND, path: document },
  put_twin_document: { foreign: NOT_FOUND, path: document, body: () => ({ data: { a: 2 } }) },
  patch_twin_document: { foreign: NOT_FOUND, path: document, body: () => ({ data: { a: 2 } }) },
  delete_twin_document: { foreign: NOT_FOUND, path: document },
  webhook_subscribe: { foreign: "own", body: () => HOOK },
  // The link is the credential: receivers have no account.
  webhook_confirm_subscription: { foreign: [200, null], path: hook("c"), needs: "nothing" },
  webhook_refresh_subscription: { foreign: [200, null], path: hook("r"), needs: "nothing" },
  webhook_unsubscribe: { foreign: [200, null], path: hook("u"), needs: "nothing" },
  get_notifications_access: { foreign: "own" },
  update_notifications_account_access: {
    foreign: [200, null],
    path: ({ account }) => `/notifications/webhooks/access/accounts/${account}`,
    body: () => ({ topics: ["red"] }),
  },
  list_subscriptions: { foreign: "own" },
  get_subscription: { foreign: NOT_FOUND, path: subscription },
  delete_subscription: { foreign: NOT_FOUND, path: subscription },
  resume_subscription: { foreign: NOT_FOUND, path: (things) => `${subscription(things)}/resume` },
  list_deliveries: {
    foreign: [200, null],
    path: (things) => `/notifications/deliveries?subscription=${things.subscription}`,
  },
  get_delivery: { foreign: NOT_FOUND, path: delivery },
  retry_delivery: { foreign: NOT_FOUND, path: (things) => `${delivery(things)}/retry` },
  recover_deliveries: { foreign: [400, 400_979], body: (things) => ({ since: 0, subscription: things.subscription }) },
  get_stickers: { foreign: [200, null], path: stickers },
  put_sticker: {
    foreign: [201, null],
    path: stickers,
    body: ({ user }) => ({ stickers: { blue: { recipients: [user] } } }),
  },
  get_sticker: { foreign: NOT_FOUND, path: sticker },
  remove_sticker: { foreign: NOT_FOUND, path: sticker },
  list_stickers: { foreign: "own", path: () => "/stickers?context=system" },
};

async function thingsOf(world: World, caller: Caller): Promise<Things> {
  const { user, role, account } = await world.createUser(caller, { effect: "allow", actions: [] });
  const twin = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
  await caller.call("POST", `/twins/${twin}/identities`, { identities: { [IDENTITY]: {} } });
  await caller.call("POST", `/twins/${twin}/ledgers/personal`, { entries: { reading: { value: 1, history: "1M" } } });
  await caller.call("PUT", `/twins/${twin}/documents/desired`, { data: { a: 1 } });
  await caller.call("POST", `/twins/${twin}/stickers`, { stickers: { red: { recipients: [account] } } });
  const hooked = await subscribe(world, caller);
  return { account, user, role, twin, cursor: Buffer.from(twin).toString("base64"), ...hooked };
}

/** A confirmed subscription with a waiting delivery: nothing is sent here. */
async function subscribe(world: World, caller: Caller) {
  await caller.call("POST", "/notifications/webhooks", HOOK);
  const { subscriptions } = (await caller.call("GET", "/notifications/subscriptions")).body;
  const { deliveries } = (await caller.call("GET", "/notifications/deliveries")).body;
  const id: string = subscriptions[0].uuid;
  const token = (purpose: Purpose) => tokenOf(world.store.vault, purpose, { accountId: caller.account, id });
  await world.call("GET", `/notifications/webhooks?token=${token("c")}`);
  return { subscription: id, delivery: deliveries[0].uuid as string, token };
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
  return { ...things, world, caller: world.caller(things.caller, things.caller.authorization) };
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
  const endedToken: string = (await ended.call("POST", "/token", { options: ["create", "refresh"] })).body.token;
  await ended.call("PATCH", `/users/${ended.user}/secrets`, { validity_ts: world.clock.now() / 1000 + 60 });
  world.clock.advance(60_000);
  const deletions = [`/users/${byUser.user}`, `/users/${bySecret.user}/secrets`, `/roles/${byRole.role}`];
  for (const path of deletions) expect((await caller.call("DELETE", path)).status).toBeLessThan(300);
  return { world, caller, own, ended, endedToken, byUser, bySecret, byRole };
}

let refusing: Awaited<ReturnType<typeof openRefusing>>;
beforeAll(async () => {
  refusing = await openRefusing();
});
afterAll(() => refusing.world[Symbol.asyncDispose]());

await using plain = await openWorld();
const operations = accountApiOperations(plain.deps);

test("every operation has a row here, and every row is an operation", () => {
  expect(Object.keys(ROWS).sort()).toEqual(operations.map(({ id }) => id).sort());
});

for (const { id, method, path: pattern, ok } of operations) {
  const row = ROWS[id] as Row;
  const send = (things: Things, call: Caller["call"]) =>
    call(method.toUpperCase(), row.path?.(things) ?? pattern, row.body?.(things));
  const outcome = async (answer: ReturnType<Caller["call"]>) => {
    const { status, body } = await answer;
    return [status, status >= 400 ? body.subcode : null];
  };

  describe(id, () => {
    if (row.needs !== "nothing") {
      test("missing, wrong and expired credentials are refused in the same words", async () => {
        const { world, caller, own, ended, endedToken } = refusing;
        const wrong = caller.authorization.split("").reverse().join("");
        const credentials = [
          "",
          wrong,
          "x",
          ended.authorization,
          endedToken,
          `${endedToken}x`,
          `Bearer ${caller.authorization}`,
        ];
        for (const authorization of credentials) {
          const answer = await send(own, world.caller(caller, authorization).call);
          expect([authorization, answer.status, answer.body.subcode]).toEqual([authorization, 401, 401_000]);
        }
      });

      test("deleting the user, secret or role takes effect at once", async () => {
        const { own, byUser, bySecret, byRole } = refusing;
        expect(await outcome(send(own, byUser.call))).toEqual([401, 401_000]);
        expect(await outcome(send(own, bySecret.call))).toEqual([401, 401_000]);
        expect(await outcome(send(own, byRole.call))).toEqual([403, 403_535]);
      });
    }

    test("the role decides", async () => {
      const { world, caller, own } = await openAccounts();
      await using _ = world;
      const denied = await world.createUser(caller, { effect: "deny", actions: [id] });
      const allowed = await world.createUser(caller, { effect: "allow", actions: [id] });
      if (row.needs === undefined) {
        const malformed = await denied.call(method.toUpperCase(), row.path?.(own) ?? pattern, undefined, { raw: "{" });
        expect([malformed.status, malformed.body.subcode]).toEqual([403, 403_535]);
        expect(await outcome(send(own, denied.call))).toEqual([403, 403_535]);
        // A user with one permitted action may use it on things that permit no more than that.
        expect(await outcome(send(own, allowed.call))).toEqual([ok.status, null]);
      } else if (row.needs === "user") {
        expect(await outcome(send(own, denied.call))).toEqual([ok.status, null]);
      } else if (row.needs === "token") {
        expect(await outcome(send(own, allowed.call))).toEqual([403, 403_535]);
        const { token } = (await caller.call("POST", "/token", { options: ["refresh"] })).body;
        expect(await outcome(send(own, world.caller(caller, token).call))).toEqual([ok.status, null]);
      }
    });

    if (row.foreign !== "own") {
      test("another account's things", async () => {
        const { world, caller, foreign } = await openAccounts();
        await using _ = world;
        expect(await outcome(send(foreign, caller.call))).toEqual([...(row.foreign as [number, number | null])]);
      });
    }
  });
}

test("operations of the original that this server lacks are refused with a reason, after authentication", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  for (const { id, method, path: pattern, open } of UNBUILT) {
    const path = pattern.replaceAll(/\{\w+\}/g, "x");
    const refused = await caller.call(method.toUpperCase(), path);
    expect([id, refused.status, refused.body.subcode]).toEqual([id, 403, 403_535]);
    expect(refused.body.description).toBe(`${id} is not available on this server.`);
    expect([id, (await world.call(method.toUpperCase(), path)).status]).toEqual([id, open ? 403 : 401]);
  }
});
