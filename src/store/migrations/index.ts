import accounts from "./0001_accounts.sql" with { type: "text" };
import events from "./0002_events.sql" with { type: "text" };
import twins from "./0003_twins.sql" with { type: "text" };
import roleRules from "./0004_role_rules.sql" with { type: "text" };
import identities from "./0005_identities.sql" with { type: "text" };
import ledgers from "./0006_ledgers.sql" with { type: "text" };
import documents from "./0007_documents.sql" with { type: "text" };
import hub from "./0008_hub.sql" with { type: "text" };
import notifications from "./0009_notifications.sql" with { type: "text" };
import stickers from "./0010_stickers.sql" with { type: "text" };
import mqtt from "./0011_mqtt.sql" with { type: "text" };
import deviceFeed from "./0012_device_feed.sql" with { type: "text" };
import recentRecords from "./0013_recent_records.sql" with { type: "text" };
import upgradeNotices from "./0014_upgrade_notices.sql" with { type: "text" };
import certificateClaims from "./0015_certificate_claims.sql" with { type: "text" };
import publishers from "./0016_publishers.sql" with { type: "text" };
import authors from "./0017_authors.sql" with { type: "text" };
import credentialCeilings from "./0018_credential_ceilings.sql" with { type: "text" };
import boundedLists from "./0019_bounded_lists.sql" with { type: "text" };
import mqttFilters from "./0020_mqtt_filters.sql" with { type: "text" };
import largeRows from "./0021_large_rows.sql" with { type: "text" };

export type Migration = {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  /** It drops tables that others refer to, and replaces them. */
  readonly rebuildsTables?: boolean;
};

/** Applied in this order, never edited once released. Imported as text so that the executable contains them. */
export const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: "accounts", sql: accounts },
  { number: 2, name: "events", sql: events },
  { number: 3, name: "twins", sql: twins },
  { number: 4, name: "role_rules", sql: roleRules },
  { number: 5, name: "identities", sql: identities },
  { number: 6, name: "ledgers", sql: ledgers },
  { number: 7, name: "documents", sql: documents },
  { number: 8, name: "hub", sql: hub },
  { number: 9, name: "notifications", sql: notifications },
  { number: 10, name: "stickers", sql: stickers },
  { number: 11, name: "mqtt", sql: mqtt },
  { number: 12, name: "device_feed", sql: deviceFeed },
  { number: 13, name: "recent_records", sql: recentRecords },
  { number: 14, name: "upgrade_notices", sql: upgradeNotices },
  { number: 15, name: "certificate_claims", sql: certificateClaims },
  { number: 16, name: "publishers", sql: publishers },
  { number: 17, name: "authors", sql: authors },
  { number: 18, name: "credential_ceilings", sql: credentialCeilings },
  { number: 19, name: "bounded_lists", sql: boundedLists },
  { number: 20, name: "mqtt_filters", sql: mqttFilters },
  { number: 21, name: "large_rows", sql: largeRows, rebuildsTables: true },
];
