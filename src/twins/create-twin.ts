import { userCommand } from "../access/user-command.ts";
import { record } from "../events/record.ts";
import { type JsonText, spliced } from "../kernel/json-text.ts";
import { insertTwin, type Twin } from "./rows.ts";

type Input = { id: string; description: JsonText | null };

/** Creates a twin that the caller's account owns. */
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
  insertTwin(tx, twin);
  record(tx, actor, {
    kind: "twin.created",
    accountId: actor.accountId,
    twinId: id,
    data: spliced({}, { description }),
  });
  return twin;
});
