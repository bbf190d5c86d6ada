import { userCommand } from "../access/model/user-command.ts";
import { record } from "../journal/record.ts";
import type { Actor } from "../kernel/actor.ts";
import { type JsonText, withRawJson } from "../kernel/json-text.ts";
import { assertWithinRule, mayAccessTwin } from "../policy/verdicts.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { insertTwin, type Twin } from "./rows.ts";

type Input = { id: string; description: JsonText | null };

/** Creates a twin owned by the caller's account. Refuses one that the caller's own rules would hide from the caller. */
export const createTwin = userCommand("create_twin", (tx, actor, { id, description }: Input): Twin => {
  const twin = {
    id,
    ownerId: actor.accountId,
    creatorId: actor.accountId,
    description,
    createdAt: tx.now,
    updatedAt: tx.now,
    termination: null,
  };
  assertWithinRule("twin", mayAccessTwin(tx, actor, twin));
  return create(tx, actor, twin);
});

/** Creates a twin without permission checks, for commands that have made them. */
export function create(tx: Tx, actor: Actor, twin: Twin): Twin {
  insertTwin(tx, twin);
  const data = withRawJson({}, { description: twin.description });
  record(tx, actor, { kind: "twin.created", accountId: twin.ownerId, twinId: twin.id, data });
  return twin;
}
