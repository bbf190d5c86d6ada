import type { Room } from "../room.ts";
import { DOCUMENT_TABLES } from "./account-rows.ts";
import { deleteDocument } from "./delete-document.ts";
import { deleteDocuments } from "./delete-documents.ts";
import { DOCUMENT_INVARIANTS } from "./invariant-rows.ts";
import { keepDocumentBases } from "./keep-bases.ts";
import { patchDocument } from "./patch-document.ts";
import { putDocument } from "./put-document.ts";

export const DOCUMENTS_ROOM = {
  commands: [deleteDocument, deleteDocuments, patchDocument, putDocument],
  invariants: DOCUMENT_INVARIANTS,
  tables: DOCUMENT_TABLES,
  keepers: [keepDocumentBases],
} satisfies Room;
