import { userCommand } from "../access/user-command.ts";
import { record } from "../events/record.ts";
import { conflict } from "../kernel/failure.ts";
import { getOwnTwin } from "./get-twin.ts";
import { saveTermination, type Twin } from "./rows.ts";

/** Terminates a twin for ever. Refuses all but the owner, and a second time. */
export const terminateTwin = userCommand("terminate_twin", (tx, actor, { id }: { id: string }): Twin => {
  const twin = getOwnTwin(tx, actor, id);
  if (twin.termination) throw conflict("done", "Twin already terminated.");
  const terminated = { ...twin, updatedAt: tx.now, termination: { issuerId: actor.accountId, at: tx.now } };
  saveTermination(tx, terminated);
  record(tx, actor, { kind: "twin.terminated", accountId: actor.accountId, twinId: id, data: {} });
  return terminated;
});
