import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { isTopicFilter } from "../../kernel/topic-filter.ts";
import type { Hub } from "./hub-rows.ts";
import { Id, Instant, optionalProtobufEnum, SingleLineText, viewInstant } from "./wire.ts";

// Hubs as callers send them and as responses show them (specification 4.1, 4.2).

const PLANS = ["plan_shared", "plan_dedicated", "plan_ha"] as const;
export const HUB_ORDERS = ["name", "status", "product_plan", "created_at", "updated_at"] as const;

const isTopicPrefix = (text: string) => isTopicFilter(text) && !/[+#]/.test(text);
const TopicPrefix = z.string().min(1).max(1024).refine(isTopicPrefix, "must be the beginning of a topic");

const isHttpUrl = (text: string) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
const GraphiteConfig = z.object({ push_uri: z.string().max(2048).refine(isHttpUrl, "must be an http or https URL") });

export const CreateHubBody = z.object({
  name: SingleLineText(255),
  project_id: Id.nullish(),
  product_plan: optionalProtobufEnum(PLANS, "plan_unknown"),
  disable_events: z.boolean().nullish(),
  events_topic_prefix: TopicPrefix.nullish(),
  twins_graphite_config: GraphiteConfig.nullish(),
});

export const UpdateHubBody = z.object({
  name: SingleLineText(255).nullish(),
  product_plan: optionalProtobufEnum(PLANS, "plan_unknown"),
  disable_events: z.boolean().nullish(),
  events_topic_prefix: TopicPrefix.nullish(),
  enable_device_auto_provisioning: z.boolean().nullish(),
  twins_graphite_config: GraphiteConfig.nullish(),
});

export const SetHubCaBody = z.object({ ca_cert_pem: z.string(), challenge_cert_pem: z.string() });
export const HubCaView = z.object({ ca_cert_pem: z.string() });

export const HubView = z.object({
  id: z.uuid(),
  name: z.string(),
  status: z.enum(["ready", "disabled"]),
  product_plan: z.enum(PLANS),
  enabled: z.boolean(),
  device_count: z.int(),
  connected_device_count: z.int(),
  endpoint: z.string().meta({ description: "The host that devices connect to." }),
  disable_events: z.boolean(),
  events_topic_prefix: z.string(),
  region: z.string(),
  created_at: Instant,
  updated_at: Instant,
  project_id: z.uuid(),
  organization_id: z.uuid(),
  enable_device_auto_provisioning: z.boolean(),
  has_custom_ca: z.boolean(),
  twins_graphite_config: z.object({ push_uri: z.string() }).optional(),
});

export const HubListView = z.object({ total_count: z.int(), hubs: z.array(HubView) });

export const viewHub = ({ config, store }: Deps, hub: Hub): z.infer<typeof HubView> => ({
  id: hub.id,
  name: hub.name,
  status: hub.enabled ? "ready" : "disabled",
  product_plan: hub.productPlan,
  enabled: hub.enabled,
  device_count: hub.deviceCount,
  connected_device_count: hub.connectedDeviceCount,
  endpoint: new URL(config.publicUrl).hostname,
  disable_events: hub.disableEvents,
  events_topic_prefix: hub.eventsTopicPrefix,
  region: config.region,
  created_at: viewInstant(hub.createdAt),
  updated_at: viewInstant(hub.updatedAt),
  project_id: hub.accountId,
  organization_id: hub.accountId,
  enable_device_auto_provisioning: hub.autoProvisioning,
  has_custom_ca: hub.caKeySealed === null,
  ...(hub.graphiteSealed !== null && {
    twins_graphite_config: {
      push_uri: new TextDecoder().decode(store.vault.open(graphiteLabel(hub.id), hub.graphiteSealed)),
    },
  }),
});

/** Seals the address that time series are pushed to, because it contains a credential. */
export const sealGraphite = ({ store }: Deps, hubId: string, pushUri: string): string =>
  store.vault.seal(graphiteLabel(hubId), new TextEncoder().encode(pushUri));

export const graphiteLabel = (hubId: string) => `hub-graphite ${hubId}`;
