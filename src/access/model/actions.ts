/**
 * Every action a role can name: the operation ids of the account API (specification sections 3 and 6) and our own.
 * Operations that this server does not implement, and those that need no permission, are accepted too, so that role
 * bodies written for the original keep working.
 */
export const ACTIONS = [
  // account, users, secrets, tokens, roles
  ...["get_account", "update_account", "who_am_i", "trace"],
  ...["create_user", "get_user", "get_users", "update_user", "delete_user"],
  ...["create_user_secret_pin", "create_user_secret", "get_user_secret", "update_user_secret", "delete_user_secret"],
  ...["create_user_token", "refresh_user_token"],
  ...["create_user_role", "get_user_role", "get_user_roles", "update_user_role", "delete_user_role"],
  // twins
  ...["scan_twins", "create_twin", "get_twin", "update_twin", "terminate_twin"],
  ...["create_twin_identity", "get_twin_identity", "update_twin_identity", "delete_twin_identity"],
  ...["get_twin_identities", "resolve_twin_identity"],
  ...["add_twin_ledger_entry", "get_twin_ledger_entry", "update_twin_ledger_entry", "delete_twin_ledger_entry"],
  ...["get_twin_ledger_entry_value", "update_twin_ledger_entry_value", "get_twin_ledger_entry_history"],
  ...["attach_twin_doc", "get_twin_doc", "update_twin_doc", "delete_twin_doc", "get_twin_docs", "delete_twin_docs"],
  ...["create_upload_url", "invalidate_upload_url", "download_doc"],
  ...["put_sticker", "get_sticker", "get_stickers", "list_stickers", "remove_sticker"],
  // notifications
  ...["webhook_subscribe", "webhook_confirm_subscription", "webhook_refresh_subscription", "webhook_unsubscribe"],
  ...["get_notifications_access", "update_notifications_account_access"],
  ...["list_subscriptions", "get_subscription", "delete_subscription", "resume_subscription"],
  ...["list_deliveries", "get_delivery", "retry_delivery", "recover_deliveries"],
  // timeline
  ...["get_twin_timeline", "stream_twin", "stream_stickers"],
  // services that only the original has
  ...["get_database", "get_databases", "update_database"],
  ...["get_database_access", "update_database_user_access", "update_database_ip_access"],
  ...["create_timeseries_table", "get_timeseries_table", "get_timeseries_tables", "update_timeseries_table"],
  ...["delete_timeseries_table", "truncate_timeseries_table", "update_timeseries_access"],
  ...["create_indexes_table", "get_indexes_table", "get_indexes_tables", "update_indexes_table"],
  ...["delete_indexes_table", "truncate_indexes_table", "update_indexes_access"],
  ...["get_account_usage", "get_user_usage", "get_log"],
  ...["create_batch", "get_batch", "get_batches", "update_batch", "delete_batch"],
  // documents and the device hub
  ...["get_twin_document", "put_twin_document", "patch_twin_document", "delete_twin_document"],
  ...["list_twin_documents", "delete_twin_documents"],
  ...["list_hubs", "create_hub", "get_hub", "update_hub", "enable_hub", "disable_hub", "delete_hub", "get_hub_metrics"],
  ...["set_hub_ca", "get_hub_ca"],
  ...["list_devices", "create_device", "get_device", "update_device", "enable_device", "disable_device"],
  ...["renew_device_certificate", "set_device_certificate", "get_device_certificate", "delete_device"],
  "get_device_metrics",
  ...["list_routes", "create_route", "get_route", "update_route", "delete_route"],
  ...["list_networks", "create_network", "get_network", "delete_network"],
] as const;

export type Action = (typeof ACTIONS)[number];

/** Operations that need no permission. A statement may name them, without effect (section 3). */
export const UNGOVERNED_ACTIONS = [
  ...["who_am_i", "trace", "refresh_user_token", "create_user_secret", "download_doc"],
  ...["webhook_confirm_subscription", "webhook_refresh_subscription", "webhook_unsubscribe"],
] as const;
