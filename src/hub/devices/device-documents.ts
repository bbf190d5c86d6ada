import { deleteDocument } from "../../documents/delete-document.ts";
import { deleteDocuments } from "../../documents/delete-documents.ts";
import { patchDocument } from "../../documents/patch-document.ts";
import { putDocument } from "../../documents/put-document.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { notFound } from "../../kernel/failure.ts";
import { type Command, command } from "../../store/sqlite/command.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { findHubIdOfDevice } from "../registry/device-rows.ts";

/** On the hub API every twin is a device: other twins and other accounts' devices are not found. */
export function assertDevice(reader: Reader, actor: UserActor, twin: string): void {
  if (findHubIdOfDevice(reader, actor.accountId, twin) === undefined) throw notFound("Twin", twin);
}

/**
 * The same command restricted to devices. Checked in the transaction, since the device may have been deleted just
 * before.
 */
const ofDevice = <Input extends { twin: string }, Result>({
  name,
  run,
}: Command<Input, Result>): Command<Input, Result> =>
  command(name, (tx, actor, input: Input) => {
    if (actor.kind === "user") assertDevice(tx, actor, input.twin);
    return run(tx, actor, input);
  });

export const putDeviceDocument = ofDevice(putDocument);
export const patchDeviceDocument = ofDevice(patchDocument);
export const deleteDeviceDocument = ofDevice(deleteDocument);
export const deleteDeviceDocuments = ofDevice(deleteDocuments);
