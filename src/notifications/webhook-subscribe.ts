import { userCommand } from "../access/user-command.ts";
import type { Deps } from "../deps.ts";
import { record } from "../events/record.ts";
import type { UserActor } from "../kernel/actor.ts";
import { DomainError } from "../kernel/failure.ts";
import { toSeconds } from "../kernel/schema.ts";
import { assertCallable } from "./callback-url.ts";
import { enqueue } from "./enqueue.ts";
import { newHashKey, newSigningSecret } from "./secrets.ts";
import { countLive, findSubscription, insertSubscription, type WebhookSubscription } from "./subscription-rows.ts";

/** Bounds of what one account makes others' servers and ours do: a publication is a message to each subscription of its topic. */
const SUBSCRIPTIONS_MAX = 1000;
const SUBSCRIPTIONS_OF_TOPIC_MAX = 100;

const DAY_MS = 86_400_000;

type Wish = { callbackUrl: string; topic: string; clientSecret: string | null | undefined; validityMs: number };

type Input = Pick<WebhookSubscription, "id" | "callbackUrl" | "topic" | "linkBase" | "signingSecret" | "hashKey"> & {
  validityMs: number;
};

/**
 * Subscribes an endpoint of the caller's account to a topic, and sends it a confirmation message; nothing else is sent until it
 * confirms. The secrets are told here and never again. Refuses URLs that webhooks must not be sent to.
 */
export async function webhookSubscribe({ store, random, config }: Deps, actor: UserActor, wish: Wish) {
  assertCallable(wish.callbackUrl, config.webhookAllow);
  const id = random.uuid();
  const signing = newSigningSecret(store.vault, random, id);
  const hash = newHashKey(store.vault, random, id, wish.clientSecret);
  const subscription = await store.write(saveSubscription, actor, {
    ...{ id, callbackUrl: wish.callbackUrl, topic: wish.topic, validityMs: wish.validityMs },
    ...{ linkBase: config.publicUrl, signingSecret: signing.sealed, hashKey: hash?.sealed ?? null },
  });
  return { subscription, signingSecret: signing.told, serverSecret: hash?.serverSecret };
}

export const saveSubscription = userCommand(
  "webhook_subscribe",
  (tx, actor, { validityMs, ...given }: Input): WebhookSubscription => {
    const { accountId } = actor;
    const live = countLive(tx, accountId, given.topic);
    if (live.all >= SUBSCRIPTIONS_MAX) throw tooMany(`An account has at most ${SUBSCRIPTIONS_MAX} subscriptions.`);
    if (live.onTopic >= SUBSCRIPTIONS_OF_TOPIC_MAX) {
      throw tooMany(`An account has at most ${SUBSCRIPTIONS_OF_TOPIC_MAX} subscriptions to a topic.`);
    }
    const expiresAt = tx.now + validityMs;
    const subscription = {
      ...{ ...given, accountId, createdAt: tx.now, confirmedAt: null, endedAt: null, endReason: null },
      ...{ expiresAt, noticeAt: noticeAtOf(tx.now, expiresAt), dueAt: tx.now },
    };
    insertSubscription(tx, subscription);
    enqueue(tx, subscription, { type: "Confirmation" });
    tx.wake("deliveries");
    const { id, topic, callbackUrl } = subscription;
    const data = { subscription: id, topic, callback_url: callbackUrl, validity_ts: toSeconds(expiresAt) };
    record(tx, actor, { kind: "subscription.created", accountId, data });
    return findSubscription(tx, id) as WebhookSubscription;
  },
);

/** A day before the end; of a subscription that is not longer than that, never. */
export const noticeAtOf = (now: number, expiresAt: number) => (expiresAt - DAY_MS > now ? expiresAt - DAY_MS : null);

const tooMany = (message: string) => new DomainError({ code: "limited", kind: "quota", message });
