import type { Room } from "../room.ts";
import { deviceConnected, deviceDisconnected, noteActivity, resetPresenceSlice } from "./admission/presence.ts";
import { saveProvenCertificate } from "./admission/prove-certificate.ts";
import { insertProvisionedDevice } from "./admission/provision-device.ts";
import { saveCaKeyIds, saveCertificateVerdicts } from "./certificates/review-certificates.ts";
import { insertNewDevice } from "./devices/create-device.ts";
import { deleteDevice } from "./devices/delete-device.ts";
import {
  deleteDeviceDocument,
  deleteDeviceDocuments,
  patchDeviceDocument,
  putDeviceDocument,
} from "./devices/device-documents.ts";
import { disableDevice } from "./devices/disable-device.ts";
import { enableDevice } from "./devices/enable-device.ts";
import { saveRenewedCertificate } from "./devices/renew-device-certificate.ts";
import { saveAttachedCertificate } from "./devices/set-device-certificate.ts";
import { terminateAnyTwin } from "./devices/terminate-any-twin.ts";
import { updateDevice } from "./devices/update-device.ts";
import { insertNewHub } from "./hubs/create-hub.ts";
import { beginHubDeletion, endHubSlice, finishHubDeletionsJob } from "./hubs/delete-hub.ts";
import { disableHub } from "./hubs/disable-hub.ts";
import { enableHub } from "./hubs/enable-hub.ts";
import { saveCa } from "./hubs/set-hub-ca.ts";
import { updateHub } from "./hubs/update-hub.ts";
import { addCounts, keepMessageCountsJob } from "./metrics/count-messages.ts";
import { HUB_TABLES } from "./registry/account-rows.ts";
import { HUB_INVARIANTS } from "./registry/invariant-rows.ts";
import { DEVICES_TOPIC } from "./registry/journal.ts";

export const HUB_ROOM = {
  commands: [
    addCounts,
    insertNewDevice,
    insertNewHub,
    deleteDevice,
    beginHubDeletion,
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
    resetPresenceSlice,
    insertProvisionedDevice,
    saveRenewedCertificate,
    saveAttachedCertificate,
    saveProvenCertificate,
    saveCaKeyIds,
    saveCertificateVerdicts,
    saveCa,
    terminateAnyTwin,
    updateDevice,
    updateHub,
  ],
  jobs: () => [keepMessageCountsJob, finishHubDeletionsJob],
  wakes: [DEVICES_TOPIC],
  invariants: HUB_INVARIANTS,
  tables: HUB_TABLES,
} satisfies Room;
