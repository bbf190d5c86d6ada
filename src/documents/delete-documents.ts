import { documentCommand } from "./document-command.ts";
import { dropDocuments } from "./drop-documents.ts";
import { listDocuments } from "./rows.ts";
import { getWriteTarget } from "./write-target.ts";

/** Deletes all documents of an own twin, including `_config`; having none is no error (specification 2.3). */
export const deleteDocuments = documentCommand(
  "delete_twin_documents",
  (tx, actor, { twin }: { twin: string }): null => {
    getWriteTarget(tx, actor, { twin, name: "" });
    dropDocuments(tx, actor, { accountId: actor.accountId, twin }, listDocuments(tx, twin));
    return null;
  },
);
