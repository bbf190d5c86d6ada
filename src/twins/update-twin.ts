import { userCommand } from "../access/model/user-command.ts";
import { record } from "../journal/record.ts";
import { type JsonText, withRawJson } from "../kernel/json-text.ts";
import { assertWithinRule, mayAccessTwin } from "../policy/verdicts.ts";
import { assertAlive, getOwnTwin } from "./get-twin.ts";
import { saveDescription, type Twin } from "./rows.ts";

type Input = { id: string; description: JsonText | null | undefined };

/** Replaces a twin's description; null removes it. Refuses other accounts and terminated twins. */
export const updateTwin = userCommand("update_twin", (tx, actor, { id, description }: Input): Twin => {
  const twin = getOwnTwin(tx, actor, id);
  assertAlive(twin);
  if (description === undefined) return twin;
  const changed = { ...twin, description, updatedAt: tx.now };
  assertWithinRule("twin", mayAccessTwin(tx, actor, changed));
  saveDescription(tx, changed);
  record(tx, actor, {
    kind: "twin.updated",
    accountId: actor.accountId,
    twinId: id,
    data: withRawJson({}, { description }),
  });
  return changed;
});
