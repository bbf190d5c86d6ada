import { z } from "zod";
import type { Config } from "../../config.ts";
import { documentBodyLimits } from "../../documents/body-limits.ts";
import { deleteDocument } from "../../documents/delete-document.ts";
import { deleteDocuments } from "../../documents/delete-documents.ts";
import { getDocument } from "../../documents/get-document.ts";
import { limitsOf } from "../../documents/limits.ts";
import { listDocumentNames } from "../../documents/list-documents.ts";
import { patchDocument } from "../../documents/patch-document.ts";
import { putDocument } from "../../documents/put-document.ts";
import type { Document } from "../../documents/rows.ts";
import {
  DocumentBody,
  DocumentListView,
  DocumentName,
  DocumentView,
  viewDocument,
  viewDocuments,
} from "../../documents/schema.ts";
import { writeDocument } from "../../documents/write-document.ts";
import { writeJson } from "../../kernel/json-text.ts";
import { Uuid } from "../../kernel/schema.ts";
import { conditionOf, etagOf, versionFromIfMatch } from "../if-match.ts";
import { operation, WithHeaders } from "../operation.ts";

const TwinPath = z.object({ twin: Uuid });
const DocumentPath = z.object({ twin: Uuid, name: DocumentName });

/** Writes may name the version that they expect. */
const CONDITIONAL = { 412: "The document is not at the version of If-Match" };

/** Documents of any twin of the account, whether or not it is a device. */
export const documentOperations = (config: Config) => {
  const limits = limitsOf(config);
  const bodyLimits = documentBodyLimits(config);
  return [
    operation("list_twin_documents", {
      method: "get",
      path: "/twins/{twin}/documents",
      summary: "List the documents of an own twin",
      params: TwinPath,
      ok: { status: 200, view: DocumentListView },
      serve: ({ deps, actor, params }) =>
        viewDocuments(deps.store.read((reader) => listDocumentNames(reader, actor, params.twin))),
    }),
    operation("delete_twin_documents", {
      method: "delete",
      path: "/twins/{twin}/documents",
      summary: "Delete all documents of an own twin",
      params: TwinPath,
      ok: { status: 204 },
      serve: ({ deps, actor, params }) => deps.store.write(deleteDocuments, actor, { twin: params.twin }),
    }),
    operation("get_twin_document", {
      method: "get",
      path: "/twins/{twin}/documents/{name}",
      summary: "Get a document of an own twin",
      params: DocumentPath,
      ok: { status: 200, view: DocumentView },
      serve: ({ deps, actor, params }) => answer(deps.store.read((reader) => getDocument(reader, actor, params))),
    }),
    operation("put_twin_document", {
      method: "put",
      path: "/twins/{twin}/documents/{name}",
      summary:
        "Create or replace a document of an own twin; with a version, or If-Match, only if that is the stored one",
      params: DocumentPath,
      refusals: CONDITIONAL,
      body: DocumentBody,
      bodyLimits,
      ok: { status: 200, view: DocumentView },
      serve: async ({ deps, actor, params: { twin, name }, body, headers }) => {
        const version = conditionOf(headers, body.version);
        const input = { twin, name, version, data: writeJson(body.data), limits };
        return answer(await writeDocument(deps, putDocument, actor, input));
      },
    }),
    operation("patch_twin_document", {
      method: "patch",
      path: "/twins/{twin}/documents/{name}",
      summary: "Merge into a document of an own twin; with a version, or If-Match, only if that is the stored one",
      params: DocumentPath,
      refusals: CONDITIONAL,
      body: DocumentBody,
      bodyLimits,
      ok: { status: 200, view: DocumentView },
      serve: async ({ deps, actor, params: { twin, name }, body, headers }) => {
        const version = conditionOf(headers, body.version);
        const input = { twin, name, version, patch: writeJson(body.data), limits };
        return answer(await writeDocument(deps, patchDocument, actor, input));
      },
    }),
    operation("delete_twin_document", {
      method: "delete",
      path: "/twins/{twin}/documents/{name}",
      summary: "Delete a document of an own twin; with If-Match, only that version",
      params: DocumentPath,
      refusals: CONDITIONAL,
      ok: { status: 204 },
      serve: ({ deps, actor, params: { twin, name }, headers }) =>
        deps.store.write(deleteDocument, actor, { twin, name, version: versionFromIfMatch(headers) }),
    }),
  ];
};

const answer = (document: Document) => new WithHeaders(viewDocument(document), { etag: etagOf(document.version) });
