import type { Room } from "../room.ts";
import { leaseDeliveries } from "./deliveries/lease-deliveries.ts";
import { recoverDeliverySlice } from "./deliveries/recover-deliveries.ts";
import { retryDelivery } from "./deliveries/retry-delivery.ts";
import { settleDelivery } from "./deliveries/settle-delivery.ts";
import { NOTIFICATION_TABLES } from "./model/account-rows.ts";
import { DELIVERIES_TOPIC } from "./model/enqueue.ts";
import { NOTIFICATION_INVARIANTS } from "./model/invariant-rows.ts";
import { deleteSubscription } from "./subscriptions/delete-subscription.ts";
import {
  announceExpiry,
  announceExpiryJob,
  expireSubscriptions,
  expireSubscriptionsJob,
  pruneDeliveries,
  pruneDeliveriesJob,
} from "./subscriptions/expire-subscriptions.ts";
import { resumeSubscription } from "./subscriptions/resume-subscription.ts";
import { updateNotificationsAccountAccess } from "./subscriptions/update-notifications-account-access.ts";
import { webhookConfirmSubscription } from "./subscriptions/webhook-confirm-subscription.ts";
import { saveRefreshedSubscription } from "./subscriptions/webhook-refresh-subscription.ts";
import { saveSubscription } from "./subscriptions/webhook-subscribe.ts";
import { webhookUnsubscribe } from "./subscriptions/webhook-unsubscribe.ts";

export const NOTIFICATIONS_ROOM = {
  commands: [
    deleteSubscription,
    announceExpiry,
    expireSubscriptions,
    pruneDeliveries,
    leaseDeliveries,
    recoverDeliverySlice,
    resumeSubscription,
    retryDelivery,
    settleDelivery,
    updateNotificationsAccountAccess,
    webhookConfirmSubscription,
    saveRefreshedSubscription,
    saveSubscription,
    webhookUnsubscribe,
  ],
  jobs: () => [announceExpiryJob, expireSubscriptionsJob, pruneDeliveriesJob()],
  wakes: [DELIVERIES_TOPIC],
  invariants: NOTIFICATION_INVARIANTS,
  tables: NOTIFICATION_TABLES,
} satisfies Room;
