import { z } from "zod";
import { Uuid } from "../../kernel/schema.ts";
import { addTwinLedgerEntry } from "../../ledgers/add-twin-ledger-entry.ts";
import { writeEntries } from "../../ledgers/changes/write-entries.ts";
import { deleteTwinLedgerEntries } from "../../ledgers/delete-twin-ledger-entry.ts";
import { getTwinLedgerEntry } from "../../ledgers/get-twin-ledger-entry.ts";
import { getTwinLedgerEntryHistory } from "../../ledgers/get-twin-ledger-entry-history.ts";
import {
  AddEntriesBody,
  DeleteEntriesBody,
  ENTRY_NAME,
  LedgerHistoryView,
  LedgerName,
  LedgerValuesView,
  LedgerView,
  UpdateEntriesBody,
  UpdateValuesBody,
  writeOptions,
} from "../../ledgers/model/schema.ts";
import { viewLedger, viewLedgerHistory, viewLedgerValues } from "../../ledgers/model/views.ts";
import { updateTwinLedgerEntry } from "../../ledgers/update-twin-ledger-entry.ts";
import { updateTwinLedgerEntryValue } from "../../ledgers/update-twin-ledger-entry-value.ts";
import { operation, Paged } from "../operation.ts";
import { queryBoolean, queryInteger, queryList, queryPage, querySeconds } from "../query.ts";

const LedgerPath = z.object({ twin: Uuid, ledger: LedgerName });
const names = queryList(ENTRY_NAME);

export const ledgerOperations = [
  operation("get_twin_ledger_entry", {
    method: "get",
    path: "/twins/{twin}/ledgers/{ledger}",
    summary: "Get entries of a ledger, or all of them",
    params: LedgerPath,
    query: z.object({
      entries: names,
      show_references: queryBoolean(true),
      show_public: queryBoolean(true),
      show_private: queryBoolean(true),
      cursor: queryPage.cursor,
    }),
    ok: { status: 200, view: LedgerView },
    serve: ({ deps, actor, params, query }) => {
      const page = deps.store.read((reader) => getTwinLedgerEntry(reader, actor, params, query));
      return new Paged(viewLedger(page.own, page.outcomes), page.cursor);
    },
  }),
  operation("add_twin_ledger_entry", {
    method: "post",
    path: "/twins/{twin}/ledgers/{ledger}",
    summary: "Add entries to the account's ledger of a twin",
    params: LedgerPath,
    body: AddEntriesBody,
    ok: { status: 201, view: LedgerView },
    serve: async ({ deps, actor, params, body }) => {
      const input = { path: params, entries: body.entries, options: writeOptions(body) };
      return viewLedger(true, await writeEntries(deps, addTwinLedgerEntry, actor, input));
    },
  }),
  operation("update_twin_ledger_entry", {
    method: "patch",
    path: "/twins/{twin}/ledgers/{ledger}",
    summary: "Change entries of the account's ledger",
    params: LedgerPath,
    body: UpdateEntriesBody,
    ok: { status: 200, view: LedgerView },
    serve: async ({ deps, actor, params, body }) => {
      const input = { path: params, entries: body.entries, options: writeOptions(body) };
      return viewLedger(true, await writeEntries(deps, updateTwinLedgerEntry, actor, input));
    },
  }),
  operation("delete_twin_ledger_entry", {
    method: "delete",
    path: "/twins/{twin}/ledgers/{ledger}",
    summary: "Delete entries of the account's ledger, or all of them",
    params: LedgerPath,
    query: z.object({ entries: names }),
    body: DeleteEntriesBody,
    ok: { status: 200, view: LedgerView },
    serve: async ({ deps, actor, params, query, body }) => {
      const input = { path: params, names: query.entries, options: writeOptions(body) };
      return viewLedger(true, await deleteTwinLedgerEntries(deps, actor, input));
    },
  }),
  operation("get_twin_ledger_entry_value", {
    method: "get",
    path: "/twins/{twin}/ledgers/{ledger}/value",
    summary: "Get values of entries of a ledger",
    params: LedgerPath,
    query: z.object({ entries: names, cursor: queryPage.cursor }),
    ok: { status: 200, view: LedgerValuesView },
    serve: ({ deps, actor, params, query }) => {
      const page = deps.store.read((reader) => getTwinLedgerEntry(reader, actor, params, query));
      return new Paged(viewLedgerValues(page.outcomes), page.cursor);
    },
  }),
  operation("update_twin_ledger_entry_value", {
    method: "patch",
    path: "/twins/{twin}/ledgers/{ledger}/value",
    summary: "Change values of entries of the account's ledger",
    params: LedgerPath,
    body: UpdateValuesBody,
    ok: { status: 200, view: LedgerView },
    serve: async ({ deps, actor, params, body }) => {
      const input = { path: params, entries: body.entries, options: writeOptions(body) };
      return viewLedger(true, await writeEntries(deps, updateTwinLedgerEntryValue, actor, input));
    },
  }),
  operation("get_twin_ledger_entry_history", {
    method: "get",
    path: "/twins/{twin}/ledgers/{ledger}/history",
    summary: "Get the values that entries have had",
    params: LedgerPath,
    query: z.object({
      entries: names,
      ge: querySeconds(),
      le: querySeconds(),
      limit: queryInteger(1, 1000, 100),
      cursor: queryPage.cursor,
    }),
    ok: { status: 200, view: LedgerHistoryView },
    serve: ({ deps, actor, params, query }) => {
      const page = deps.store.read((reader) => getTwinLedgerEntryHistory(reader, actor, params, query));
      return new Paged(viewLedgerHistory(page.items), page.cursor);
    },
  }),
];
