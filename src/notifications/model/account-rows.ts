import { type Row, text } from "../../store/sqlite/sql.ts";
import type { AccountTable, Numbering } from "../../store/transfer/account-table.ts";
import { hashLabel, signingLabel } from "./secrets.ts";

const numberingOf = (table: string): Numbering => ({
  name: table,
  sources: [`SELECT position AS number FROM ${table} WHERE account_id = ?1`],
});

const DELIVERIES = numberingOf("deliveries");

/** A subscription and the secret that signs its messages are only of use together. */
export const NOTIFICATION_TABLES: readonly AccountTable[] = [
  { table: "topic_grants", where: "account_id = ?1", order: "topic, grantee_id" },
  {
    table: "webhook_subscriptions",
    where: "account_id = ?1",
    order: "position",
    numbered: { position: numberingOf("webhook_subscriptions") },
    sealed: [
      { column: "signing_secret", label: (row: Row) => signingLabel(text(row, "id")) },
      { column: "hash_key", label: (row: Row) => hashLabel(text(row, "id")) },
    ],
    secret: true,
  },
  {
    table: "inherited_publishers",
    where: "subscription_id IN (SELECT id FROM webhook_subscriptions WHERE account_id = ?1)",
    order: "subscription_id, publisher_id",
    secret: true,
  },
  {
    table: "deliveries",
    where: "account_id = ?1",
    order: "position",
    numbered: { position: DELIVERIES },
    sealed: [{ column: "hash_key", label: (row: Row) => hashLabel(text(row, "subscription_id")) }],
    secret: true,
  },
  {
    table: "delivery_attempts",
    where: "delivery_position IN (SELECT position FROM deliveries WHERE account_id = ?1)",
    order: "delivery_position, number",
    numbered: { delivery_position: DELIVERIES },
    secret: true,
  },
];
