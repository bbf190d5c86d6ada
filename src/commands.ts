import { createUserRole } from "./access/roles/create-user-role.ts";
import { deleteUserRole } from "./access/roles/delete-user-role.ts";
import { updateUserRole } from "./access/roles/update-user-role.ts";
import { redeemPin } from "./access/secrets/create-user-secret.ts";
import { savePin } from "./access/secrets/create-user-secret-pin.ts";
import { saveToken } from "./access/secrets/create-user-token.ts";
import { deleteUserSecret } from "./access/secrets/delete-user-secret.ts";
import { dropDeadCredentials } from "./access/secrets/drop-dead-credentials.ts";
import { saveRefreshedToken } from "./access/secrets/refresh-user-token.ts";
import { updateUserSecret } from "./access/secrets/update-user-secret.ts";
import { updateAccount } from "./access/update-account.ts";
import { createUser } from "./access/users/create-user.ts";
import { deleteUser } from "./access/users/delete-user.ts";
import { updateUser } from "./access/users/update-user.ts";
import { deleteDocument } from "./documents/delete-document.ts";
import { deleteDocuments } from "./documents/delete-documents.ts";
import { patchDocument } from "./documents/patch-document.ts";
import { putDocument } from "./documents/put-document.ts";
import { deviceConnected, deviceDisconnected, noteActivity, resetSlice } from "./hub/admission/presence.ts";
import { saveProven } from "./hub/admission/prove-certificate.ts";
import { insertProvisioned } from "./hub/admission/provision-device.ts";
import { saveCaKeyIds, saveReviewed } from "./hub/certificates/review-certificates.ts";
import { insertNewDevice } from "./hub/devices/create-device.ts";
import { deleteDevice } from "./hub/devices/delete-device.ts";
import {
  deleteDeviceDocument,
  deleteDeviceDocuments,
  patchDeviceDocument,
  putDeviceDocument,
} from "./hub/devices/device-documents.ts";
import { disableDevice } from "./hub/devices/disable-device.ts";
import { enableDevice } from "./hub/devices/enable-device.ts";
import { saveRenewed } from "./hub/devices/renew-device-certificate.ts";
import { saveCertificate } from "./hub/devices/set-device-certificate.ts";
import { terminateAnyTwin } from "./hub/devices/terminate-any-twin.ts";
import { updateDevice } from "./hub/devices/update-device.ts";
import { insertNewHub } from "./hub/hubs/create-hub.ts";
import { endHubSlice, markDeleted } from "./hub/hubs/delete-hub.ts";
import { disableHub } from "./hub/hubs/disable-hub.ts";
import { enableHub } from "./hub/hubs/enable-hub.ts";
import { saveCa } from "./hub/hubs/set-hub-ca.ts";
import { updateHub } from "./hub/hubs/update-hub.ts";
import { addCounts } from "./hub/metrics/count-messages.ts";
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
import { acknowledge, releaseIncoming, releaseOutgoing } from "./mqtt/persistence/acknowledge.ts";
import {
  dropEndedHubs,
  dropEndedQueues,
  dropExpiredMessages,
  dropWill,
  expireSessions,
} from "./mqtt/persistence/clear-away.ts";
import { openSession } from "./mqtt/persistence/open-session.ts";
import { publishMessage } from "./mqtt/persistence/publish-message.ts";
import { deleteSubscriptions, saveSubscriptions } from "./mqtt/persistence/save-subscriptions.ts";
import { suspendAllSessions, suspendSession } from "./mqtt/persistence/suspend-session.ts";
import { leaseDeliveries } from "./notifications/deliveries/lease-deliveries.ts";
import { recoverSlice } from "./notifications/deliveries/recover-deliveries.ts";
import { retryDelivery } from "./notifications/deliveries/retry-delivery.ts";
import { settleDelivery } from "./notifications/deliveries/settle-delivery.ts";
import { deleteSubscription } from "./notifications/subscriptions/delete-subscription.ts";
import {
  announceExpiry,
  expireSubscriptions,
  pruneDeliveries,
} from "./notifications/subscriptions/expire-subscriptions.ts";
import { resumeSubscription } from "./notifications/subscriptions/resume-subscription.ts";
import { updateNotificationsAccountAccess } from "./notifications/subscriptions/update-notifications-account-access.ts";
import { webhookConfirmSubscription } from "./notifications/subscriptions/webhook-confirm-subscription.ts";
import { saveRefreshed } from "./notifications/subscriptions/webhook-refresh-subscription.ts";
import { saveSubscription } from "./notifications/subscriptions/webhook-subscribe.ts";
import { webhookUnsubscribe } from "./notifications/subscriptions/webhook-unsubscribe.ts";
import { expireStickers } from "./stickers/expire-stickers.ts";
import { putSticker } from "./stickers/put-sticker.ts";
import { removeSticker } from "./stickers/remove-sticker.ts";
import { saveSealedKey } from "./store/keys/sealed-keys.ts";
import { dropUpgradeNotices } from "./store/migrations/upgrade-notices.ts";
import { proveWritable } from "./store/writer/writability.ts";
import type { Commands } from "./store/writer/writer-thread.ts";
import { createTwin } from "./twins/create-twin.ts";
import { updateTwin } from "./twins/update-twin.ts";

/** Every command that a server gives, for the writer's thread to know it by its place here. */
export const COMMANDS: Commands = [
  saveSealedKey,
  proveWritable,
  dropUpgradeNotices,
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
  createTwin,
  updateTwin,
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
  createTwinIdentity,
  deleteTwinIdentity,
  updateTwinIdentity,
  addTwinLedgerEntry,
  copyReferences,
  deleteTwinLedgerEntry,
  pruneHistory,
  updateTwinLedgerEntryValue,
  updateTwinLedgerEntry,
  expireStickers,
  putSticker,
  removeSticker,
  deleteDocument,
  deleteDocuments,
  patchDocument,
  putDocument,
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
  pruneJournal,
];
