import { userCommand } from "../../access/model/user-command.ts";
import type { Deps } from "../../deps.ts";
import { record } from "../../journal/record.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { conflict, DomainError } from "../../kernel/failure.ts";
import { toSeconds } from "../../kernel/schema.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { assertCallable } from "../model/callback-url.ts";
import { DELIVERIES_TOPIC, enqueue } from "../model/enqueue.ts";
import { isGranted } from "../model/grant-rows.ts";
import { newHashKey, newSigningSecret } from "../model/secrets.ts";
import {
  countLive,
  countMadeSince,
  findSubscription,
  insertSubscription,
  type WebhookSubscription,
} from "../model/subscription-rows.ts";

/**
 * Bounds the load that one account puts on others' servers and ours: a publication is a message to each subscription of
 * its topic.
 */
const SUBSCRIPTIONS_MAX = 1000;
const SUBSCRIPTIONS_OF_TOPIC_MAX = 100;
/**
 * Maximum number of an account's subscriptions to another account's topic: each write of that account makes a message
 * for each of them.
 */
const SUBSCRIPTIONS_OF_GRANTED_TOPIC_MAX = 10;

/**
 * Each one sends a message to a host that may not have asked for it, and retries for three days if the host does not
 * accept it.
 */
const SUBSCRIPTIONS_OF_HOUR_MAX = 2000;

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

type Wish = {
  callbackUrl: string;
  topic: string;
  /** The topic's owner; undefined for the caller's account. */
  publisherId: string | undefined;
  clientSecret: string | null | undefined;
  validityMs: number;
};

type Input = Pick<WebhookSubscription, "id" | "callbackUrl" | "topic" | "linkBase" | "signingSecret" | "hashKey"> & {
  validityMs: number;
  publisherId: string | null;
};

/**
 * Subscribes an endpoint to a topic, of the caller's account or of another that grants it, and sends it a confirmation
 * message; nothing else is sent until it confirms. The secrets are returned here and never again. Refuses URLs that
 * webhooks must not be sent to, and topics that are not granted, in the same words whether they exist or not.
 */
export async function webhookSubscribe({ store, random, config }: Deps, actor: UserActor, wish: Wish) {
  assertCallable(wish.callbackUrl, config.webhookAllow);
  const id = random.uuid();
  const signing = newSigningSecret(store.vault, random, id);
  const hash = newHashKey(store.vault, random, id, wish.clientSecret);
  const subscription = await store.write(saveSubscription, actor, {
    id,
    callbackUrl: wish.callbackUrl,
    topic: wish.topic,
    validityMs: wish.validityMs,
    publisherId: wish.publisherId ?? null,
    linkBase: config.publicUrl,
    signingSecret: signing.sealed,
    hashKey: hash?.sealed ?? null,
  });
  return { subscription, signingSecret: signing.clear, serverSecret: hash?.serverSecret };
}

export const saveSubscription = userCommand(
  "webhook_subscribe",
  (tx, actor, { validityMs, ...given }: Input): WebhookSubscription => {
    const { accountId } = actor;
    const publisherId = given.publisherId ?? accountId;
    if (publisherId !== accountId && !isGranted(tx, publisherId, given.topic, accountId)) {
      throw conflict("precondition", "The account that was named has not granted this topic to the caller's account.");
    }
    const live = countLive(tx, accountId, { publisherId, topic: given.topic });
    if (live.all >= SUBSCRIPTIONS_MAX) throw tooMany(`An account has at most ${SUBSCRIPTIONS_MAX} subscriptions.`);
    if (live.onTopic >= maxOfTopic(publisherId === accountId)) {
      const whose = publisherId === accountId ? "a topic" : "a topic of another one";
      throw tooMany(`An account has at most ${maxOfTopic(publisherId === accountId)} subscriptions to ${whose}.`);
    }
    assertNotTooFast(tx, accountId);
    const expiresAt = tx.now + validityMs;
    const subscription = {
      ...given,
      accountId,
      publisherId,
      createdAt: tx.now,
      confirmedAt: null,
      endedAt: null,
      endReason: null,
      expiresAt,
      noticeAt: noticeAtOf(tx.now, expiresAt),
      dueAt: tx.now,
    };
    insertSubscription(tx, subscription);
    enqueue(tx, subscription, { type: "Confirmation" });
    tx.wake(DELIVERIES_TOPIC);
    const { id, topic, callbackUrl } = subscription;
    const data = {
      subscription: id,
      topic,
      publisher: publisherId,
      callback_url: callbackUrl,
      validity_ts: toSeconds(expiresAt),
    };
    record(tx, actor, { kind: "subscription.created", accountId, data });
    return findSubscription(tx, id) as WebhookSubscription;
  },
);

/** A day before the end; never, if the subscription is not longer than that. */
export const noticeAtOf = (now: number, expiresAt: number) => (expiresAt - DAY_MS > now ? expiresAt - DAY_MS : null);

function assertNotTooFast(tx: Tx, accountId: string): void {
  const { count, firstAt } = countMadeSince(tx, accountId, tx.now - HOUR_MS, SUBSCRIPTIONS_OF_HOUR_MAX);
  if (count < SUBSCRIPTIONS_OF_HOUR_MAX || firstAt === null) return;
  const message = `An account makes at most ${SUBSCRIPTIONS_OF_HOUR_MAX} subscriptions in an hour.`;
  throw new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: firstAt + HOUR_MS - tx.now });
}

const maxOfTopic = (own: boolean) => (own ? SUBSCRIPTIONS_OF_TOPIC_MAX : SUBSCRIPTIONS_OF_GRANTED_TOPIC_MAX);

const tooMany = (message: string) => new DomainError({ code: "limited", kind: "quota", message });
