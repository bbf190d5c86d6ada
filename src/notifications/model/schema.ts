import { z } from "zod";
import { withRawJson } from "../../kernel/json-text.ts";
import { Timestamp, TimestampView, toSeconds, Uuid } from "../../kernel/schema.ts";
import type { Attempt } from "./attempt-rows.ts";
import { DELIVERY_STATES, type Delivery } from "./delivery-rows.ts";
import type { SubscriptionInDetail, WebhookSubscription } from "./subscription-rows.ts";
import { Topic } from "./topic.ts";

// What callers of the account API send and receive (specification 2.12), and our own operations in its style.

const CLIENT_SECRET = /^[0-9A-Za-z_-]{16}$/;

const VALIDITY_SECONDS_MAX = 604_800;

const CallbackUrl = z
  .string()
  .refine((text) => [...text].length <= 512, "must have at most 512 characters")
  .meta({ format: "uri", examples: ["https://hooks.example.org/contractor"] });

const options = {
  expires: z
    .int()
    .min(1)
    .max(VALIDITY_SECONDS_MAX)
    .nullish()
    .transform((seconds) => (seconds ?? VALIDITY_SECONDS_MAX) * 1000),
  client_secret: z.string().regex(CLIENT_SECRET).nullish(),
};

const PublisherView = Uuid.meta({ description: "The topic's owner." });

export const SubscribeBody = z.object({
  callback_url: CallbackUrl,
  topic: Topic,
  account: Uuid.nullish().meta({
    description: "The topic's owner, which must have granted the topic. The caller's account if left out.",
  }),
  ...options,
});
export const RefreshBody = z.object(options);

const TOPICS_MAX = 100;
const Topics = z.array(Topic).max(TOPICS_MAX);

/** The original's stub calls the list `topics`, its page `publish`. */
export const AccountAccess = z
  .union([z.object({ topics: Topics }), z.object({ publish: Topics })])
  .transform((body) => [...new Set("topics" in body ? body.topics : body.publish)]);

export const AccessView = z.object({ topics: z.array(z.string()) });
export const AccessesView = z.object({ accounts: z.record(z.string(), AccessView) });

const NamedView = z.object({ topic: z.string(), account: Uuid, validity_ts: TimestampView });
const LinkedView = NamedView.extend({ unsubscribe_url: z.string(), refresh_url: z.string() });

export const SubscribedView = z.object({
  subscription: NamedView,
  callback_url: z.string(),
  server_secret: z.string().optional(),
  signing_secret: z
    .string()
    .meta({ description: "Verifies the Standard Webhooks signature of messages; shown only here." }),
});
export const ConfirmedView = LinkedView.extend({ subscription: LinkedView });
export const RefreshedView = z.object({
  subscription: LinkedView,
  callback_url: z.string(),
  server_secret: z.string().optional(),
});
export const UnsubscribedView = NamedView.extend({ subscription: NamedView });

export const viewNamed = ({ topic, accountId, expiresAt }: WebhookSubscription) => ({
  topic,
  account: accountId,
  validity_ts: toSeconds(expiresAt),
});

const instant = TimestampView.optional();

export const SubscriptionView = z.object({
  uuid: Uuid,
  account: Uuid,
  publisher: PublisherView,
  inherited_publishers: z.array(Uuid).optional().meta({
    description:
      "Other accounts whose messages on the topic it also receives: left from before subscriptions named an account.",
  }),
  topic: z.string(),
  callback_url: z.string(),
  state: z.enum(["unconfirmed", "active", "dormant", "paused"]).meta({
    description: "`dormant` while the publisher does not grant the topic: nothing is delivered until it does again.",
  }),
  hashed: z.boolean(),
  created_ts: TimestampView,
  confirmed_ts: instant,
  validity_ts: TimestampView,
  health: z
    .object({
      messages: z.int().meta({ description: "Notifications so far: the number of the latest one." }),
      waiting: z.int().meta({ description: "Not delivered yet; not counted beyond 10 000, in a list beyond 200." }),
      failed: z.int().meta({ description: "Given up, until they are retried or recovered; likewise." }),
      failing_since_ts: instant.meta({ description: "The first failure since the endpoint last accepted a message." }),
      held_until_ts: instant.meta({ description: "The endpoint is sent nothing until then." }),
      paused_ts: instant.meta({
        description: "The endpoint failed for five days, and gets nothing until it is resumed.",
      }),
    })
    .meta({ description: "The health of the endpoint." }),
});
export const SubscriptionsView = z.object({ subscriptions: z.array(SubscriptionView), cursor: z.string().nullable() });

export function viewSubscription(subscription: SubscriptionInDetail): z.input<typeof SubscriptionView> {
  const { failingSince, heldUntil, pausedAt, inheritedPublishers } = subscription;
  return {
    uuid: subscription.id,
    account: subscription.accountId,
    publisher: subscription.publisherId,
    ...(inheritedPublishers.length > 0 && { inherited_publishers: inheritedPublishers }),
    topic: subscription.topic,
    callback_url: subscription.callbackUrl,
    state: stateOf(subscription),
    hashed: subscription.hashKey !== null,
    created_ts: toSeconds(subscription.createdAt),
    ...named("confirmed_ts", subscription.confirmedAt),
    validity_ts: toSeconds(subscription.expiresAt),
    health: {
      messages: subscription.messageCount,
      waiting: subscription.waiting,
      failed: subscription.failed,
      ...named("failing_since_ts", failingSince),
      ...named("held_until_ts", heldUntil),
      ...named("paused_ts", pausedAt),
    },
  };
}

function stateOf({ pausedAt, confirmedAt, granted }: SubscriptionInDetail) {
  if (pausedAt !== null) return "paused";
  if (confirmedAt === null) return "unconfirmed";
  return granted ? "active" : "dormant";
}

const delivery = {
  uuid: Uuid.meta({ description: "The id of the message, as receivers see it." }),
  subscription: Uuid,
  account: Uuid,
  publisher: Uuid.optional().meta({
    description: "The account that published it; missing in the service's own messages.",
  }),
  topic: z.string(),
  type: z.enum(["Confirmation", "Notification", "Expiring"]),
  number: z.int().optional(),
  trigger: z.string().optional(),
  twin: Uuid.optional(),
  state: z.enum(DELIVERY_STATES),
  sent_ts: TimestampView,
  attempt_count: z.int(),
  next_attempt_ts: instant,
  settled_ts: instant,
};

export const DeliveryView = z.object(delivery);
export const DeliveriesView = z.object({ deliveries: z.array(DeliveryView), cursor: z.string().nullable() });

const AttemptView = z.object({
  number: z.int(),
  started_ts: TimestampView,
  duration_ms: z.int().optional().meta({ description: "Missing if the server ended during the attempt." }),
  status: z.int().optional().meta({ description: "Of the HTTP answer, if one came." }),
  error: z.string().optional().meta({ description: "Why it failed; missing if it did not." }),
  answer: z.string().meta({ description: "The beginning of the answer." }),
});
export const DeliveryInDetailView = z.object({
  ...delivery,
  event: z.record(z.string(), z.unknown()).optional(),
  attempts: z.array(AttemptView),
});

export const viewDelivery = (one: Delivery): z.input<typeof DeliveryView> => ({
  uuid: one.id,
  subscription: one.subscriptionId,
  account: one.accountId,
  ...(one.publisherId !== "" && { publisher: one.publisherId }),
  topic: one.topic,
  type: one.type,
  ...named("number", one.number, (number) => number),
  ...(one.trigger !== null && { trigger: one.trigger }),
  ...(one.twinId !== null && { twin: one.twinId }),
  state: one.state,
  sent_ts: toSeconds(one.sentAt),
  attempt_count: one.attemptCount,
  ...named("next_attempt_ts", one.state === "waiting" ? one.nextAttemptAt : null),
  ...named("settled_ts", one.settledAt),
});

export const viewDeliveryInDetail = (one: Delivery & { attempts: Attempt[] }) =>
  withRawJson({ ...viewDelivery(one), attempts: one.attempts.map(viewAttempt) }, { event: one.event ?? undefined });

const viewAttempt = ({ number, startedAt, durationMs, status, error, answer }: Attempt) => ({
  number,
  started_ts: toSeconds(startedAt),
  answer,
  ...named("duration_ms", durationMs, (ms) => ms),
  ...named("status", status, (code) => code),
  ...(error !== null && { error }),
});

export const RecoverBody = z.object({ since: Timestamp, topic: Topic.nullish(), subscription: Uuid.nullish() });
export const RecoveredView = z.object({ recovered: z.int().meta({ description: "Deliveries that are tried again." }) });

/** A member that is left out if its value is null. */
const named = <Name extends string>(name: Name, value: number | null, view: (value: number) => number = toSeconds) =>
  (value === null ? {} : { [name]: view(value) }) as { [Key in Name]?: number };
