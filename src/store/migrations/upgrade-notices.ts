import { SYSTEM } from "../../kernel/actor.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Log } from "../../kernel/log.ts";
import { command, type ReadWrite } from "../sqlite/command.ts";
import { integer, type Reader, text } from "../sqlite/sql.ts";

/** Notices logged before they are deleted together. */
const PAGE = 1000;

/**
 * Logs, as warnings, what migrations changed in existing data, then deletes the notices. If the server is killed
 * meanwhile, some are logged again.
 */
export async function reportUpgradeNotices(store: ReadWrite, log: Log): Promise<void> {
  for (;;) {
    const notices = store.read(listNotices);
    const last = notices.at(-1);
    if (!last) return;
    for (const { event, fields } of notices) log.warn(`upgrade.${event}`, fields);
    await store.write(dropUpgradeNotices, SYSTEM, { upTo: last.number });
  }
}

const listNotices = (reader: Reader) =>
  reader.all("SELECT number, event, fields FROM upgrade_notices ORDER BY number LIMIT ?", PAGE).map((row) => ({
    number: integer(row, "number"),
    event: text(row, "event"),
    fields: JSON.parse(text(row, "fields")) as JsonObject,
  }));

export const dropUpgradeNotices = command("drop_upgrade_notices", (tx, _actor, { upTo }: { upTo: number }) => {
  tx.run("DELETE FROM upgrade_notices WHERE number <= ?", upTo);
});
