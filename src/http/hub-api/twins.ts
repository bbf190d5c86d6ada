import { z } from "zod";
import type { Config } from "../../config.ts";
import type { Deps } from "../../deps.ts";
import { documentBodyLimits } from "../../documents/body-limits.ts";
import { getDocument } from "../../documents/get-document.ts";
import { limitsOf } from "../../documents/limits.ts";
import { listDocumentNames } from "../../documents/list-documents.ts";
import {
  DocumentBody,
  DocumentListView,
  DocumentName,
  DocumentView,
  viewDocument,
  viewDocuments,
} from "../../documents/schema.ts";
import { writeDocument } from "../../documents/write-document.ts";
import {
  assertDevice,
  deleteDeviceDocument,
  deleteDeviceDocuments,
  patchDeviceDocument,
  putDeviceDocument,
} from "../../hub/devices/device-documents.ts";
import { countMessage } from "../../hub/metrics/count-messages.ts";
import { Id } from "../../hub/registry/wire.ts";
import { writeJson } from "../../kernel/json-text.ts";
import { operation } from "../operation.ts";

const TwinPath = z.object({ twin_id: Id });
const DocumentPath = z.object({ twin_id: Id, document_name: DocumentName });
type Key = z.output<typeof DocumentPath>;

const keyOf = ({ twin_id, document_name }: Key) => ({ twin: twin_id, name: document_name });

/** Documents of devices. A served request about them counts as a message of the device. */
export const deviceDocumentOperations = (config: Config) => {
  const limits = limitsOf(config);
  const bodyLimits = documentBodyLimits(config);
  const counted = <Result>(deps: Deps, { twin_id }: { twin_id: string }, result: Result): Result => {
    countMessage(deps, twin_id);
    return result;
  };
  return [
    operation("list_twin_documents", {
      method: "get",
      path: "/twins/{twin_id}",
      summary: "List the documents of a device",
      params: TwinPath,
      ok: { status: 200, view: DocumentListView },
      serve: ({ deps, actor, params }) => {
        const names = deps.store.read((reader) => {
          assertDevice(reader, actor, params.twin_id);
          return listDocumentNames(reader, actor, params.twin_id);
        });
        return counted(deps, params, viewDocuments(names));
      },
    }),
    operation("delete_twin_documents", {
      method: "delete",
      path: "/twins/{twin_id}",
      summary: "Delete all documents of a device",
      params: TwinPath,
      ok: { status: 204 },
      serve: async ({ deps, actor, params }) =>
        counted(deps, params, await deps.store.write(deleteDeviceDocuments, actor, { twin: params.twin_id })),
    }),
    operation("get_twin_document", {
      method: "get",
      path: "/twins/{twin_id}/documents/{document_name}",
      summary: "Get a document of a device",
      params: DocumentPath,
      ok: { status: 200, view: DocumentView },
      serve: ({ deps, actor, params }) => {
        const document = deps.store.read((reader) => {
          assertDevice(reader, actor, params.twin_id);
          return getDocument(reader, actor, keyOf(params));
        });
        return counted(deps, params, viewDocument(document));
      },
    }),
    operation("put_twin_document", {
      method: "put",
      path: "/twins/{twin_id}/documents/{document_name}",
      summary: "Create or replace a document of a device; with a version, only if that is the stored one",
      params: DocumentPath,
      body: DocumentBody,
      bodyLimits,
      ok: { status: 200, view: DocumentView },
      serve: async ({ deps, actor, params, body }) => {
        const input = { ...keyOf(params), version: body.version, data: writeJson(body.data), limits };
        const document = await writeDocument(deps, putDeviceDocument, actor, input);
        return counted(deps, params, viewDocument(document));
      },
    }),
    operation("patch_twin_document", {
      method: "patch",
      path: "/twins/{twin_id}/documents/{document_name}",
      // A client of the community's sends patches one level deeper; a document's name has no slash, so nothing else is there (2.3).
      alias: "/twins/{twin_id}/documents/{document_name}/patch",
      summary: "Merge into a document of a device; with a version, only if that is the stored one",
      params: DocumentPath,
      body: DocumentBody,
      bodyLimits,
      ok: { status: 200, view: DocumentView },
      serve: async ({ deps, actor, params, body }) => {
        const input = { ...keyOf(params), version: body.version, patch: writeJson(body.data), limits };
        const document = await writeDocument(deps, patchDeviceDocument, actor, input);
        return counted(deps, params, viewDocument(document));
      },
    }),
    operation("delete_twin_document", {
      method: "delete",
      path: "/twins/{twin_id}/documents/{document_name}",
      summary: "Delete a document of a device",
      params: DocumentPath,
      ok: { status: 204 },
      serve: async ({ deps, actor, params }) =>
        counted(deps, params, await deps.store.write(deleteDeviceDocument, actor, { ...keyOf(params), version: 0 })),
    }),
  ];
};
