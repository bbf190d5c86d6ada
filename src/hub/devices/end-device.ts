import { dropDocuments } from "../../documents/drop-documents.ts";
import { listDocuments } from "../../documents/rows.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { type Device, deleteDeviceRow } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { deleteCounts } from "../registry/message-count-rows.ts";

/** What ends with a device beside its twin: its documents, its counts, its row. For commands that have asked who may. */
export function endDevice(tx: Tx, actor: Actor, device: Device): void {
  const { accountId, id } = device;
  dropDocuments(tx, actor, { accountId, twin: id }, listDocuments(tx, id));
  deleteCounts(tx, id);
  deleteDeviceRow(tx, id);
  recordDevice(tx, actor, "device.deleted", device);
}
