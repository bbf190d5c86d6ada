import { createUser } from "./access/create-user.ts";
import { createUserRole } from "./access/create-user-role.ts";
import { redeemPin } from "./access/create-user-secret.ts";
import { savePin } from "./access/create-user-secret-pin.ts";
import { saveToken } from "./access/create-user-token.ts";
import { deleteUser } from "./access/delete-user.ts";
import { deleteUserRole } from "./access/delete-user-role.ts";
import { deleteUserSecret } from "./access/delete-user-secret.ts";
import { dropDeadCredentials } from "./access/drop-dead-credentials.ts";
import { saveRefreshedToken } from "./access/refresh-user-token.ts";
import { updateAccount } from "./access/update-account.ts";
import { updateUser } from "./access/update-user.ts";
import { updateUserRole } from "./access/update-user-role.ts";
import { updateUserSecret } from "./access/update-user-secret.ts";
import { deleteDocument } from "./documents/delete-document.ts";
import { deleteDocuments } from "./documents/delete-documents.ts";
import { patchDocument } from "./documents/patch-document.ts";
import { putDocument } from "./documents/put-document.ts";
import { addCounts } from "./hub/count-messages.ts";
import { insertNewDevice } from "./hub/create-device.ts";
import { insertNewHub } from "./hub/create-hub.ts";
import { deleteDevice } from "./hub/delete-device.ts";
import { endHubSlice, markDeleted } from "./hub/delete-hub.ts";
import {
  deleteDeviceDocument,
  deleteDeviceDocuments,
  patchDeviceDocument,
  putDeviceDocument,
} from "./hub/device-documents.ts";
import { disableDevice } from "./hub/disable-device.ts";
import { disableHub } from "./hub/disable-hub.ts";
import { enableDevice } from "./hub/enable-device.ts";
import { enableHub } from "./hub/enable-hub.ts";
import { deviceConnected, deviceDisconnected, noteActivity, resetSlice } from "./hub/presence.ts";
import { saveProven } from "./hub/prove-certificate.ts";
import { insertProvisioned } from "./hub/provision-device.ts";
import { saveRenewed } from "./hub/renew-device-certificate.ts";
import { saveCaKeyIds, saveReviewed } from "./hub/review-certificates.ts";
import { saveCertificate } from "./hub/set-device-certificate.ts";
import { saveCa } from "./hub/set-hub-ca.ts";
import { terminateAnyTwin } from "./hub/terminate-any-twin.ts";
import { updateDevice } from "./hub/update-device.ts";
import { updateHub } from "./hub/update-hub.ts";
import { createTwinIdentity } from "./identities/create-twin-identity.ts";
import { deleteTwinIdentity } from "./identities/delete-twin-identity.ts";
import { updateTwinIdentity } from "./identities/update-twin-identity.ts";
import { pruneJournal } from "./jobs/jobs.ts";
import { addTwinLedgerEntry } from "./ledgers/add-twin-ledger-entry.ts";
import { copyReferences } from "./ledgers/copy-references.ts";
import { deleteTwinLedgerEntry } from "./ledgers/delete-twin-ledger-entry.ts";
import { pruneHistory } from "./ledgers/prune-history.ts";
import { updateTwinLedgerEntry } from "./ledgers/update-twin-ledger-entry.ts";
import { updateTwinLedgerEntryValue } from "./ledgers/update-twin-ledger-entry-value.ts";
import { acknowledge, releaseIncoming, releaseOutgoing } from "./mqtt/acknowledge.ts";
import { dropEndedHubs, dropEndedQueues, dropExpiredMessages, dropWill, expireSessions } from "./mqtt/clear-away.ts";
import { openSession } from "./mqtt/open-session.ts";
import { publishMessage } from "./mqtt/publish-message.ts";
import { deleteSubscriptions, saveSubscriptions } from "./mqtt/save-subscriptions.ts";
import { suspendAllSessions, suspendSession } from "./mqtt/suspend-session.ts";
import { deleteSubscription } from "./notifications/delete-subscription.ts";
import { announceExpiry, expireSubscriptions, pruneDeliveries } from "./notifications/expire-subscriptions.ts";
import { leaseDeliveries } from "./notifications/lease-deliveries.ts";
import { recoverSlice } from "./notifications/recover-deliveries.ts";
import { resumeSubscription } from "./notifications/resume-subscription.ts";
import { retryDelivery } from "./notifications/retry-delivery.ts";
import { settleDelivery } from "./notifications/settle-delivery.ts";
import { updateNotificationsAccountAccess } from "./notifications/update-notifications-account-access.ts";
import { webhookConfirmSubscription } from "./notifications/webhook-confirm-subscription.ts";
import { saveRefreshed } from "./notifications/webhook-refresh-subscription.ts";
import { saveSubscription } from "./notifications/webhook-subscribe.ts";
import { webhookUnsubscribe } from "./notifications/webhook-unsubscribe.ts";
import { expireStickers } from "./stickers/expire-stickers.ts";
import { putSticker } from "./stickers/put-sticker.ts";
import { removeSticker } from "./stickers/remove-sticker.ts";
import { saveSealedKey } from "./store/sealed-keys.ts";
import { dropUpgradeNotices } from "./store/upgrade-notices.ts";
import { proveWritable } from "./store/writability.ts";
import type { Commands } from "./store/writer-thread.ts";
import { createTwin } from "./twins/create-twin.ts";
import { updateTwin } from "./twins/update-twin.ts";

/** Every command that a server gives, for the writer's thread to know it by its place here. */
export const COMMANDS: Commands = [
  ...[saveSealedKey, proveWritable, dropUpgradeNotices],
  ...[
    createUserRole,
    savePin,
    redeemPin,
    saveToken,
    createUser,
    deleteUserRole,
    deleteUserSecret,
    deleteUser,
    dropDeadCredentials,
    saveRefreshedToken,
    updateAccount,
    updateUserRole,
    updateUserSecret,
    updateUser,
  ],
  ...[createTwin, updateTwin],
  ...[
    deleteSubscription,
    announceExpiry,
    expireSubscriptions,
    pruneDeliveries,
    leaseDeliveries,
    recoverSlice,
    resumeSubscription,
    retryDelivery,
    settleDelivery,
    updateNotificationsAccountAccess,
    webhookConfirmSubscription,
    saveRefreshed,
    saveSubscription,
    webhookUnsubscribe,
  ],
  ...[createTwinIdentity, deleteTwinIdentity, updateTwinIdentity],
  ...[
    addTwinLedgerEntry,
    copyReferences,
    deleteTwinLedgerEntry,
    pruneHistory,
    updateTwinLedgerEntryValue,
    updateTwinLedgerEntry,
  ],
  ...[expireStickers, putSticker, removeSticker],
  ...[deleteDocument, deleteDocuments, patchDocument, putDocument],
  ...[
    addCounts,
    insertNewDevice,
    insertNewHub,
    deleteDevice,
    markDeleted,
    endHubSlice,
    putDeviceDocument,
    patchDeviceDocument,
    deleteDeviceDocument,
    deleteDeviceDocuments,
    disableDevice,
    disableHub,
    enableDevice,
    enableHub,
    deviceConnected,
    deviceDisconnected,
    noteActivity,
    resetSlice,
    insertProvisioned,
    saveRenewed,
    saveCertificate,
    saveProven,
    saveCaKeyIds,
    saveReviewed,
    saveCa,
    terminateAnyTwin,
    updateDevice,
    updateHub,
  ],
  ...[
    acknowledge,
    releaseOutgoing,
    releaseIncoming,
    expireSessions,
    dropEndedQueues,
    dropEndedHubs,
    dropExpiredMessages,
    dropWill,
    openSession,
    publishMessage,
    saveSubscriptions,
    deleteSubscriptions,
    suspendSession,
    suspendAllSessions,
  ],
  ...[pruneJournal],
];
