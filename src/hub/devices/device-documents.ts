import { deleteDocument } from "../../documents/delete-document.ts";
import { deleteDocuments } from "../../documents/delete-documents.ts";
import { patchDocument } from "../../documents/patch-document.ts";
import { putDocument } from "../../documents/put-document.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { notFound } from "../../kernel/failure.ts";
import { type Command, command } from "../../store/sqlite/command.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { findHubOfDevice } from "../registry/device-rows.ts";

/** On the hub API a twin is a device: any other is not found, nor is the device of another account. */
export function assertDevice(reader: Reader, actor: UserActor, twin: string): void {
  if (findHubOfDevice(reader, actor.accountId, twin) === undefined) throw notFound("Twin", twin);
}

/** The same command, for devices only. Whether it is one is asked in the transaction: it may have ended a moment before. */
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
