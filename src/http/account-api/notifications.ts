import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { ANONYMOUS } from "../../kernel/actor.ts";
import { Uuid } from "../../kernel/schema.ts";
import { listGrants } from "../../notifications/model/grant-rows.ts";
import {
  AccessesView,
  AccessView,
  AccountAccess,
  ConfirmedView,
  RefreshBody,
  RefreshedView,
  SubscribeBody,
  SubscribedView,
  SubscriptionsView,
  SubscriptionView,
  UnsubscribedView,
  viewNamed,
  viewSubscription,
} from "../../notifications/model/schema.ts";
import type { WebhookSubscription } from "../../notifications/model/subscription-rows.ts";
import { linkOf, type Purpose, readToken } from "../../notifications/model/tokens.ts";
import { deleteSubscription } from "../../notifications/subscriptions/delete-subscription.ts";
import {
  getSubscription,
  listSubscriptions,
  withDeliveryCounts,
} from "../../notifications/subscriptions/list-subscriptions.ts";
import { resumeSubscription } from "../../notifications/subscriptions/resume-subscription.ts";
import { updateNotificationsAccountAccess } from "../../notifications/subscriptions/update-notifications-account-access.ts";
import { webhookConfirmSubscription } from "../../notifications/subscriptions/webhook-confirm-subscription.ts";
import { webhookRefreshSubscription } from "../../notifications/subscriptions/webhook-refresh-subscription.ts";
import { webhookSubscribe } from "../../notifications/subscriptions/webhook-subscribe.ts";
import { webhookUnsubscribe } from "../../notifications/subscriptions/webhook-unsubscribe.ts";
import { openOperation, operation, Paged } from "../operation.ts";
import { queryInteger } from "../query.ts";

const SubscriptionPath = z.object({ subscription: Uuid });
const Token = z.object({ token: z.string() });

/**
 * The token names the account too, so the original accepts these operations without the account (specification 2.12,
 * 7).
 */
const BY_TOKEN = {
  path: "/notifications/webhooks/{account}",
  alias: "/notifications/webhooks",
  params: z.object({ account: Uuid.optional() }),
  query: Token,
} as const;

type ByToken = { deps: Deps; params: { account?: string | undefined }; query: z.output<typeof Token> };

const keyOf = ({ deps, params, query }: ByToken, purpose: Purpose) =>
  readToken(deps.store.vault, purpose, query.token, params.account);

function viewLinked({ store, config }: Deps, subscription: WebhookSubscription) {
  const link = (purpose: Purpose) => linkOf(store.vault, config.publicUrl, purpose, subscription);
  return { ...viewNamed(subscription), unsubscribe_url: link("u"), refresh_url: link("r") };
}

const withServerSecret = (serverSecret: string | undefined) =>
  serverSecret !== undefined && { server_secret: serverSecret };

export const notificationOperations = [
  operation("webhook_subscribe", {
    method: "post",
    path: "/notifications/webhooks",
    summary: "Subscribe an endpoint to a topic",
    body: SubscribeBody,
    ok: { status: 201, view: SubscribedView },
    serve: async ({ deps, actor, body }) => {
      const { subscription, signingSecret, serverSecret } = await webhookSubscribe(deps, actor, {
        callbackUrl: body.callback_url,
        topic: body.topic,
        publisherId: body.account ?? undefined,
        clientSecret: body.client_secret,
        validityMs: body.expires,
      });
      return {
        subscription: viewNamed(subscription),
        callback_url: subscription.callbackUrl,
        ...withServerSecret(serverSecret),
        signing_secret: signingSecret,
      };
    },
  }),
  openOperation("webhook_confirm_subscription", {
    method: "get",
    ...BY_TOKEN,
    summary: "Confirm a subscription",
    ok: { status: 200, view: ConfirmedView },
    serve: async (call) => {
      const { deps } = call;
      const subscription = await deps.store.write(webhookConfirmSubscription, ANONYMOUS, keyOf(call, "c"));
      const view = viewLinked(deps, subscription);
      return { subscription: view, ...view };
    },
  }),
  openOperation("webhook_refresh_subscription", {
    method: "patch",
    ...BY_TOKEN,
    summary: "Change the validity of a subscription",
    body: RefreshBody,
    ok: { status: 200, view: RefreshedView },
    serve: async (call) => {
      const { deps, body } = call;
      const wish = { validityMs: body.expires, clientSecret: body.client_secret };
      const { subscription, serverSecret } = await webhookRefreshSubscription(deps, keyOf(call, "r"), wish);
      return {
        subscription: viewLinked(deps, subscription),
        callback_url: subscription.callbackUrl,
        ...withServerSecret(serverSecret),
      };
    },
  }),
  openOperation("webhook_unsubscribe", {
    method: "delete",
    ...BY_TOKEN,
    summary: "End a subscription",
    ok: { status: 200, view: UnsubscribedView },
    serve: async (call) => {
      const view = viewNamed(await call.deps.store.write(webhookUnsubscribe, ANONYMOUS, keyOf(call, "u")));
      return { subscription: view, ...view };
    },
  }),
  operation("get_notifications_access", {
    method: "get",
    path: "/notifications/webhooks/access",
    summary: "List the accounts that may subscribe to topics of this one",
    ok: { status: 200, view: AccessesView },
    serve: ({ deps, actor }) => {
      const grants = deps.store.read((reader) => listGrants(reader, actor.accountId));
      return { accounts: Object.fromEntries(grants.map(([account, topics]) => [account, { topics }])) };
    },
  }),
  operation("update_notifications_account_access", {
    method: "patch",
    path: "/notifications/webhooks/access/accounts/{account}",
    summary: "Set the topics that another account may subscribe to",
    params: z.object({ account: Uuid }),
    body: AccountAccess,
    ok: { status: 200, view: AccessView },
    serve: async ({ deps, actor, params, body }) => {
      const input = { granteeId: params.account, topics: body };
      return { topics: await deps.store.write(updateNotificationsAccountAccess, actor, input) };
    },
  }),
  operation("list_subscriptions", {
    method: "get",
    path: "/notifications/subscriptions",
    summary: "List the subscriptions of the account, with the state of their endpoints",
    query: z.object({ cursor: z.string().optional(), limit: queryInteger(1, 100, 100) }),
    ok: { status: 200, view: SubscriptionsView },
    serve: ({ deps, actor, query }) => {
      const { subscriptions, cursor } = deps.store.read((reader) => listSubscriptions(reader, actor, query));
      return new Paged({ subscriptions: subscriptions.map(viewSubscription), cursor }, cursor);
    },
  }),
  operation("get_subscription", {
    method: "get",
    path: "/notifications/subscriptions/{subscription}",
    summary: "Get a subscription of the account, with the state of its endpoint",
    params: SubscriptionPath,
    ok: { status: 200, view: SubscriptionView },
    serve: ({ deps, actor, params }) =>
      viewSubscription(deps.store.read((reader) => getSubscription(reader, actor, params.subscription))),
  }),
  operation("delete_subscription", {
    method: "delete",
    path: "/notifications/subscriptions/{subscription}",
    summary: "End a subscription of the account",
    params: SubscriptionPath,
    ok: { status: 200, view: SubscriptionView },
    serve: async ({ deps, actor, params }) => {
      const before = await deps.store.write(deleteSubscription, actor, { id: params.subscription });
      return viewSubscription(deps.store.read((reader) => withDeliveryCounts(reader, before)));
    },
  }),
  operation("resume_subscription", {
    method: "post",
    path: "/notifications/subscriptions/{subscription}/resume",
    summary: "Resume deliveries to the endpoint of a subscription",
    params: SubscriptionPath,
    ok: { status: 201, view: SubscriptionView },
    serve: async ({ deps, actor, params }) => {
      const resumed = await deps.store.write(resumeSubscription, actor, { id: params.subscription });
      return viewSubscription(deps.store.read((reader) => withDeliveryCounts(reader, resumed)));
    },
  }),
];
