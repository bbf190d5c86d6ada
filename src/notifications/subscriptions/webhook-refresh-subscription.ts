import type { Deps } from "../../deps.ts";
import { record } from "../../journal/record.ts";
import { ANONYMOUS } from "../../kernel/actor.ts";
import { notFound } from "../../kernel/failure.ts";
import { toSeconds } from "../../kernel/schema.ts";
import { command } from "../../store/sqlite/command.ts";
import { getLiveSubscription } from "../model/lookups.ts";
import { newHashKey } from "../model/secrets.ts";
import { saveRefresh, type WebhookSubscription } from "../model/subscription-rows.ts";
import type { SubscriptionKey } from "../model/tokens.ts";
import { noticeAtOf } from "./webhook-subscribe.ts";

type Wish = { validityMs: number; clientSecret: string | null | undefined };
type Input = { key: SubscriptionKey; validityMs: number; hashKey: string | null; linkBase: string };

/** Sets a new end for a confirmed subscription. Without a client secret its messages have no hash from then on. */
export async function webhookRefreshSubscription({ store, random, config }: Deps, key: SubscriptionKey, wish: Wish) {
  const hash = newHashKey(store.vault, random, key.id, wish.clientSecret);
  const input = { key, validityMs: wish.validityMs, hashKey: hash?.sealed ?? null, linkBase: config.publicUrl };
  return {
    subscription: await store.write(saveRefreshedSubscription, ANONYMOUS, input),
    serverSecret: hash?.serverSecret,
  };
}

export const saveRefreshedSubscription = command(
  "webhook_refresh_subscription",
  (tx, actor, { key, validityMs, hashKey, linkBase }: Input): WebhookSubscription => {
    const before = getLiveSubscription(tx, key);
    if (before.confirmedAt === null) throw notFound("Subscription", key.id);
    const expiresAt = tx.now + validityMs;
    const subscription = { ...before, expiresAt, noticeAt: noticeAtOf(tx.now, expiresAt), hashKey, linkBase };
    saveRefresh(tx, subscription);
    const data = { subscription: key.id, topic: before.topic, validity_ts: toSeconds(expiresAt) };
    record(tx, actor, { kind: "subscription.refreshed", accountId: before.accountId, data });
    return subscription;
  },
);
