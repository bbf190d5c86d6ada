import { expect, test } from "bun:test";
import { accountApiOperations } from "../../src/http/account-api/account-api.ts";
import { hubApiOperations } from "../../src/http/hub-api/hub-api.ts";
import { openWorld } from "../support/world/world.ts";

// Every read operation of both APIs, and what bounds the size of its response. An operation missing here has no known
// bound.

/**
 * `cursor` and `page`: a page has at most this many bytes. `one`: it is about one thing. `few`: other limits keep it
 * small.
 */
type Bound = { by: "cursor" | "page" | "one" | "few"; bytesMax: number };

const kB = 1024;
const MiB = 1024 * kB;

const ACCOUNT_API: Record<string, Bound> = {
  who_am_i: { by: "one", bytesMax: kB },
  get_account: { by: "one", bytesMax: 64 * kB },
  // 1 000 per page, each with a name of 32 characters, an id or two, and two instants.
  get_users: { by: "cursor", bytesMax: 256 * kB },
  get_user_roles: { by: "cursor", bytesMax: 256 * kB },
  get_user: { by: "one", bytesMax: 64 * kB },
  get_user_role: { by: "one", bytesMax: 64 * kB },
  get_user_secret: { by: "one", bytesMax: kB },
  // 1 000 per page; with details, until their descriptions reach 1 MiB.
  scan_twins: { by: "cursor", bytesMax: 2 * MiB },
  resolve_twin_identity: { by: "cursor", bytesMax: 2 * MiB },
  get_twin: { by: "one", bytesMax: 66 * kB },
  // 1 000 per page, each with a name of 137 characters and three instants.
  get_twin_identities: { by: "cursor", bytesMax: 300 * kB },
  get_twin_identity: { by: "one", bytesMax: 5 * kB },
  // Until values reach 1 MiB, plus everything else in a ledger of 64 kB, with instants.
  get_twin_ledger_entry: { by: "cursor", bytesMax: 2 * MiB },
  get_twin_ledger_entry_value: { by: "cursor", bytesMax: 2 * MiB },
  get_twin_ledger_entry_history: { by: "cursor", bytesMax: 2 * MiB },
  // `TWINPOST_DOCUMENTS_PER_TWIN` names of 255 characters.
  list_twin_documents: { by: "few", bytesMax: 30 * kB },
  get_twin_document: { by: "one", bytesMax: 4 * MiB },
  // 100 accounts with 100 topics of 127 characters.
  get_notifications_access: { by: "few", bytesMax: 1.5 * MiB },
  list_subscriptions: { by: "cursor", bytesMax: 200 * kB },
  get_subscription: { by: "one", bytesMax: 2 * kB },
  list_deliveries: { by: "cursor", bytesMax: 100 * kB },
  // The event, and 100 attempts with 1 kB of a response each, which JSON may encode with six bytes per byte.
  get_delivery: { by: "cursor", bytesMax: 2 * MiB },
  webhook_confirm_subscription: { by: "one", bytesMax: 4 * kB },
  // 1 000 per page, each with a color of 128 characters and a note of 512.
  get_stickers: { by: "cursor", bytesMax: 4 * MiB },
  get_sticker: { by: "one", bytesMax: 64 * kB },
  list_stickers: { by: "cursor", bytesMax: 400 * kB },
};

const HUB_API: Record<string, Bound> = {
  // 100 per page.
  list_hubs: { by: "page", bytesMax: 400 * kB },
  get_hub: { by: "one", bytesMax: 4 * kB },
  get_hub_metrics: { by: "few", bytesMax: 16 * kB },
  get_hub_ca: { by: "one", bytesMax: 64 * kB },
  // 100 per page, each with message filters of 32 kB in all and a description of 4 096 characters.
  list_devices: { by: "page", bytesMax: 4 * MiB },
  get_device: { by: "one", bytesMax: 64 * kB },
  get_device_metrics: { by: "few", bytesMax: 16 * kB },
  get_device_certificate: { by: "one", bytesMax: 512 * kB },
  list_twin_documents: { by: "few", bytesMax: 30 * kB },
  get_twin_document: { by: "one", bytesMax: 4 * MiB },
};

test("every response is about one thing, or few, or is paged", async () => {
  await using world = await openWorld();
  for (const [operations, bounds] of [
    [accountApiOperations(world.deps), ACCOUNT_API],
    [hubApiOperations(world.deps.config), HUB_API],
  ] as const) {
    const questions = operations.filter(({ method }) => method === "get");
    expect(questions.map(({ id }) => String(id)).sort()).toEqual(Object.keys(bounds).sort());
    for (const { id, query } of questions) {
      const asked = Object.keys(query?.shape ?? {});
      const by = asked.includes("cursor") ? "cursor" : asked.includes("page") ? "page" : "neither";
      const bound = bounds[id] as Bound;
      expect([id, by]).toEqual([id, ["one", "few"].includes(bound.by) ? "neither" : bound.by]);
    }
  }
});

test("no response is larger than the largest document", () => {
  const large = Object.entries({ ...HUB_API, ...ACCOUNT_API }).filter(([, { bytesMax }]) => bytesMax > 4 * MiB);
  expect(large).toEqual([]);
});
