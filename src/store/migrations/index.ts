import accounts from "./0001_accounts.sql" with { type: "text" };
import events from "./0002_events.sql" with { type: "text" };
import twins from "./0003_twins.sql" with { type: "text" };
import documents from "./0004_documents.sql" with { type: "text" };
import hub from "./0005_hub.sql" with { type: "text" };

export type Migration = { readonly number: number; readonly name: string; readonly sql: string };

/** Applied in this order, never edited once released. As text, so that the executable carries them. */
export const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: "accounts", sql: accounts },
  { number: 2, name: "events", sql: events },
  { number: 3, name: "twins", sql: twins },
  { number: 4, name: "documents", sql: documents },
  { number: 5, name: "hub", sql: hub },
];
