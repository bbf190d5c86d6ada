import { ACCESS_TABLES } from "../access/model/account-rows.ts";
import { DOCUMENT_TABLES } from "../documents/account-rows.ts";
import { HUB_TABLES } from "../hub/registry/account-rows.ts";
import { IDENTITY_TABLES } from "../identities/account-rows.ts";
import { LEDGER_TABLES } from "../ledgers/model/account-rows.ts";
import { MQTT_TABLES } from "../mqtt/persistence/account-rows.ts";
import { NOTIFICATION_TABLES } from "../notifications/model/account-rows.ts";
import { STICKER_TABLES } from "../stickers/account-rows.ts";
import { TWIN_TABLES } from "../twins/account-rows.ts";

/** An account's tables, ordered so that every row is inserted after the rows it refers to. */
export const ACCOUNT_TABLES = [
  ...ACCESS_TABLES,
  ...TWIN_TABLES,
  ...IDENTITY_TABLES,
  ...LEDGER_TABLES,
  ...STICKER_TABLES,
  ...DOCUMENT_TABLES,
  ...HUB_TABLES,
  ...MQTT_TABLES,
  ...NOTIFICATION_TABLES,
];

/** Tables that an export leaves out, and why. Every other table of the database is in the list above. */
export const LEFT_TABLES: Readonly<Record<string, string>> = {
  schema_migrations: "of the database itself",
  upgrade_notices: "of the database itself",
  sealed_keys: "keys of the server",
  access_epoch: "of the database itself",
  pins: "digested with the master key, and over in ten minutes",
  user_tokens: "signed with a key of the server",
  sticker_recipients: "derived from stickers",
  reference_fans: "derived from ledger entries",
  mqtt_usage: "counted by the database itself",
  mqtt_sessions: "a connection's or a session's, which end where they are",
  mqtt_subscriptions: "a connection's or a session's, which end where they are",
  mqtt_received: "a connection's or a session's, which end where they are",
  mqtt_messages: "a connection's or a session's, which end where they are",
  mqtt_queue: "a connection's or a session's, which end where they are",
  mqtt_queue_ends: "a connection's or a session's, which end where they are",
  mqtt_ended_sessions: "a connection's or a session's, which end where they are",
  mqtt_wills: "a connection's or a session's, which end where they are",
};
