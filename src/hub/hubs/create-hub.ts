import { userCommand } from "../../access/model/user-command.ts";
import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { forbidden, overQuota } from "../../kernel/failure.ts";
import { createHubCa } from "../certificates/hub-ca.ts";
import { countHubs, type Hub, insertHub, type ProductPlan } from "../registry/hub-rows.ts";
import { sealGraphite } from "../registry/hub-schema.ts";
import { recordHub } from "../registry/journal.ts";

/** More than any account can use, and few enough to count at each creation. */
const HUBS_PER_ACCOUNT_MAX = 1000;

const DEFAULT_PLAN = "plan_shared";
const DEFAULT_EVENTS_PREFIX = "$SCW/events";

type Input = Pick<
  Hub,
  | "id"
  | "name"
  | "productPlan"
  | "disableEvents"
  | "eventsTopicPrefix"
  | "graphiteSealed"
  | "caPem"
  | "caFingerprint"
  | "caKeySealed"
>;

export const insertNewHub = userCommand("create_hub", (tx, actor, input: Input): Hub => {
  const current = countHubs(tx, actor.accountId);
  if (current >= HUBS_PER_ACCOUNT_MAX) {
    const message = `An account has at most ${HUBS_PER_ACCOUNT_MAX} hubs.`;
    throw overQuota(message, { resource: "iot_hubs", quota: HUBS_PER_ACCOUNT_MAX, current });
  }
  const hub: Hub = {
    ...input,
    accountId: actor.accountId,
    enabled: true,
    caSubject: null,
    caKeyId: null,
    autoProvisioning: false,
    deviceCount: 0,
    connectedDeviceCount: 0,
    createdAt: tx.now,
    updatedAt: tx.now,
  };
  insertHub(tx, hub);
  recordHub(tx, actor, "hub.created", hub);
  return hub;
});

type NewHub = {
  name: string;
  projectId?: string | null | undefined;
  productPlan?: ProductPlan | undefined;
  disableEvents?: boolean | null | undefined;
  eventsTopicPrefix?: string | null | undefined;
  graphitePushUri?: string | undefined;
};

/** Creates a hub, ready at once, with its own CA. Refuses another account's project (specification 4.2). */
export async function createHub(deps: Deps, actor: UserActor, given: NewHub): Promise<Hub> {
  if (given.projectId && given.projectId !== actor.accountId) throw forbidden("The project is another account's.");
  const id = deps.random.uuid();
  const ca = await createHubCa(deps, id);
  return deps.store.write(insertNewHub, actor, {
    id,
    name: given.name,
    productPlan: given.productPlan ?? DEFAULT_PLAN,
    disableEvents: given.disableEvents ?? false,
    eventsTopicPrefix: given.eventsTopicPrefix ?? DEFAULT_EVENTS_PREFIX,
    graphiteSealed: given.graphitePushUri === undefined ? null : sealGraphite(deps, id, given.graphitePushUri),
    ...ca,
  });
}
