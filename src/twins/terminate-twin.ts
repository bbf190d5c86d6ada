import { userCommand } from "../access/model/user-command.ts";
import { record } from "../journal/record.ts";
import type { Actor } from "../kernel/actor.ts";
import { conflict } from "../kernel/failure.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { getOwnTwin } from "./get-twin.ts";
import { saveTermination, type Twin } from "./rows.ts";

/** Terminates a twin for good. Refuses other accounts, and a twin that is already terminated. */
export const terminateTwin = userCommand("terminate_twin", (tx, actor, { id }: { id: string }): Twin => {
  const twin = getOwnTwin(tx, actor, id);
  if (twin.termination) throw conflict("done", "Twin already terminated.");
  return terminate(tx, actor, twin);
});

/** Terminates a twin without permission checks, for commands that have made them. */
export function terminate(tx: Tx, actor: Actor, twin: Twin): Twin {
  const accountId = twin.ownerId;
  const terminated = { ...twin, updatedAt: tx.now, termination: { issuerId: accountId, at: tx.now } };
  saveTermination(tx, terminated);
  record(tx, actor, { kind: "twin.terminated", accountId, twinId: twin.id, data: {} });
  return terminated;
}
