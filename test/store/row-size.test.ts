import { expect, test } from "bun:test";
import { openWorld } from "../support/world/world.ts";

/**
 * Tables without a rowid. On the way to a row, SQLite reads whole rows next to it, and a comparison with one of 60 kB
 * takes 15 times as long (measured): a column that an account can make large does not belong in such a table.
 */
const SMALL_ROWS: Record<string, string> = {
  deleted_documents: "names",
  delivery_attempts: "a kilobyte of an answer, by numbers that only grow",
  device_activity: "instants",
  inherited_publishers: "topics",
  ledger_history:
    "values are large at worst, but written twenty at a time, and most are readings: a second index would double them",
  message_counts: "counts",
  mqtt_queue: "payloads of 800 bytes at most; larger ones are rows of mqtt_messages",
  mqtt_received: "numbers",
  mqtt_subscriptions: "filters, which are the key",
  pins: "digests",
  reference_fans: "names",
  sticker_recipients: "names",
  topic_grants: "topics",
};

test("only tables with small rows are without a rowid", async () => {
  await using world = await openWorld();
  const rows = world.store.read((reader) =>
    reader.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID' ORDER BY name"),
  );
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(SMALL_ROWS));
});
