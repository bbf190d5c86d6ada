import type { Action } from "../access/model/actions.ts";
import { permit } from "../access/model/statement.ts";
import { currentUser } from "../access/model/user-command.ts";
import type { Actor, DeviceActor, UserActor } from "../kernel/actor.ts";
import { forbidden, notFound } from "../kernel/failure.ts";
import { type Command, command } from "../store/sqlite/command.ts";
import type { Reader, Tx } from "../store/sqlite/sql.ts";
import { getTwin } from "../twins/get-twin.ts";

/** Who may access documents: a user whose role permits it, or a device for its own twin. */
export type DocumentActor = UserActor | DeviceActor;

/** Devices have no role; these are all of their rights. */
const ACTIONS_OF_DEVICES: readonly Action[] = ["get_twin_document", "put_twin_document", "patch_twin_document"];

/**
 * A command on a twin's documents, by a user (whose rights are checked again, as in every user command) or by the
 * device itself.
 */
export const documentCommand = <Input extends { twin: string }, Result>(
  name: Action,
  run: (tx: Tx, actor: DocumentActor, input: Input) => Result,
): Command<Input, Result> =>
  command(name, (tx, actor, input: Input) => run(tx, admit(tx, actor, name, input.twin), input));

function admit(tx: Tx, actor: Actor, action: Action, twin: string): DocumentActor {
  if (actor.kind === "device") {
    assertOwn(actor, action, twin);
    return actor;
  }
  const user = currentUser(tx, actor);
  permit(user, action);
  return user;
}

/**
 * Refuses a device all but its own documents, in the same words whether or not the other twin exists (specification
 * 3.5).
 */
export function assertOwn(actor: DocumentActor, action: Action, twin: string): void {
  if (actor.kind !== "device") return;
  if (actor.deviceId !== twin || !ACTIONS_OF_DEVICES.includes(action)) throw forbidden("permission denied");
}

/**
 * Documents are private to the owner: for other accounts, and for users whose role's rule hides the twin, the twin is
 * not found.
 */
export function assertOwner<Found extends { ownerId: string }>(
  reader: Reader,
  found: Found | undefined,
  actor: DocumentActor,
  twin: string,
): Found {
  if (found?.ownerId !== actor.accountId) throw notFound("Twin", twin);
  assertTwinVisible(reader, actor, twin);
  return found;
}

/** Refuses a user whose twin rule hides the twin. Devices have no rules. */
export function assertTwinVisible(reader: Reader, actor: DocumentActor, twin: string): void {
  if (actor.kind === "user" && actor.rules.twin !== null) getTwin(reader, actor, twin);
}
