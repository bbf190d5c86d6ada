import { documentCommand } from "./document-command.ts";
import { dropDocuments } from "./drop-documents.ts";
import { getPlace } from "./place.ts";
import { listDocuments } from "./rows.ts";

/** Deletes all documents of an own twin, including `_config`; having none is no error (specification 2.3). */
export const deleteDocuments = documentCommand(
  "delete_twin_documents",
  (tx, actor, { twin }: { twin: string }): null => {
    getPlace(tx, actor, { twin, name: "" });
    dropDocuments(tx, actor, { accountId: actor.accountId, twin }, listDocuments(tx, twin));
    return null;
  },
);
