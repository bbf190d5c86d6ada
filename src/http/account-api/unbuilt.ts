import type { Action } from "../../access/model/actions.ts";

/**
 * An operation of the original (specification section 6) that this server lacks. `open` ones need no authentication.
 */
export type Unbuilt = { id: Action; method: string; path: string; open?: true };

const SERVICES = "/account/services";

export const UNBUILT: readonly Unbuilt[] = [
  { id: "get_twin_docs", method: "get", path: "/twins/{twin}/docs" },
  { id: "attach_twin_doc", method: "post", path: "/twins/{twin}/docs" },
  { id: "delete_twin_docs", method: "delete", path: "/twins/{twin}/docs" },
  { id: "get_twin_doc", method: "get", path: "/twins/{twin}/docs/{doc_name}" },
  { id: "update_twin_doc", method: "patch", path: "/twins/{twin}/docs/{doc_name}" },
  { id: "delete_twin_doc", method: "delete", path: "/twins/{twin}/docs/{doc_name}" },
  { id: "download_doc", method: "get", path: "/download/{account}/{handler}", open: true },
  { id: "create_upload_url", method: "post", path: "/cache" },
  { id: "invalidate_upload_url", method: "delete", path: "/cache/{handler}" },
  { id: "get_databases", method: "get", path: `${SERVICES}/databases` },
  { id: "get_database", method: "get", path: `${SERVICES}/databases/{database}` },
  { id: "update_database", method: "patch", path: `${SERVICES}/databases/{database}` },
  { id: "get_database_access", method: "get", path: `${SERVICES}/databases/{database}/access` },
  {
    id: "update_database_user_access",
    method: "patch",
    path: `${SERVICES}/databases/{database}/access/users/{user}`,
  },
  { id: "update_database_ip_access", method: "patch", path: `${SERVICES}/databases/{database}/access/ips` },
  { id: "get_timeseries_tables", method: "get", path: `${SERVICES}/timeseries` },
  { id: "create_timeseries_table", method: "post", path: `${SERVICES}/timeseries` },
  { id: "get_timeseries_table", method: "get", path: `${SERVICES}/timeseries/{timeseries}` },
  { id: "update_timeseries_table", method: "patch", path: `${SERVICES}/timeseries/{timeseries}` },
  { id: "delete_timeseries_table", method: "delete", path: `${SERVICES}/timeseries/{timeseries}` },
  { id: "truncate_timeseries_table", method: "delete", path: `${SERVICES}/timeseries/{timeseries}/data` },
  { id: "get_indexes_tables", method: "get", path: `${SERVICES}/indexes` },
  { id: "create_indexes_table", method: "post", path: `${SERVICES}/indexes` },
  { id: "get_indexes_table", method: "get", path: `${SERVICES}/indexes/{index}` },
  { id: "update_indexes_table", method: "patch", path: `${SERVICES}/indexes/{index}` },
  { id: "delete_indexes_table", method: "delete", path: `${SERVICES}/indexes/{index}` },
  { id: "truncate_indexes_table", method: "delete", path: `${SERVICES}/indexes/{index}/data` },
  { id: "get_account_usage", method: "get", path: "/usage" },
  { id: "get_user_usage", method: "get", path: "/usage/{user}" },
  { id: "get_log", method: "get", path: "/log" },
  { id: "get_batches", method: "get", path: "/batches" },
  { id: "create_batch", method: "post", path: "/batches" },
  { id: "get_batch", method: "get", path: "/batches/{batch}" },
  { id: "update_batch", method: "patch", path: "/batches/{batch}" },
  { id: "delete_batch", method: "delete", path: "/batches/{batch}" },
];
