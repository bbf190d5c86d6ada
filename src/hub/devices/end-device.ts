import { dropDocuments } from "../../documents/drop-documents.ts";
import { listDocuments } from "../../documents/rows.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { type Device, deleteDeviceRow } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { deleteCounts } from "../registry/message-count-rows.ts";

/**
 * Deletes a device's documents, message counts and row, and records it. The caller has checked permissions and has
 * terminated the twin.
 */
export function endDevice(tx: Tx, actor: Actor, device: Device): void {
  const { accountId, id } = device;
  dropDocuments(tx, actor, { accountId, twin: id }, listDocuments(tx, id));
  deleteCounts(tx, id);
  deleteDeviceRow(tx, id);
  recordDevice(tx, actor, "device.deleted", device);
}
