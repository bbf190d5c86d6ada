import { join } from "node:path";
import { Connection } from "../../../src/store/sqlite/connection.ts";
import { Wire } from "../../support/http/http-connection.ts";
import { subscribeForGood } from "../../support/world/published-messages.ts";

/** A journal row about stickers, split into one for each sticker. */
type StickerEvent = { kind: string; at: number; color: string; validityAt: number };

export function stickerEvents(database: Connection): StickerEvent[] {
  const rows = database.all(
    "SELECT kind, occurred_at, data FROM events WHERE kind IN ('sticker.put', 'sticker.removed', 'sticker.expired') ORDER BY sequence",
  );
  return rows.flatMap((row) => {
    const { stickers } = JSON.parse(row["data"] as string) as { stickers: Record<string, { validity_ts: number }> };
    return Object.entries(stickers).map(([color, { validity_ts }]) => ({
      kind: row["kind"] as string,
      at: row["occurred_at"] as number,
      color,
      validityAt: Math.round(validity_ts * 1000),
    }));
  });
}

/** The colors published with this trigger, in order. */
export function publishedColors(database: Connection, trigger: string): string[] {
  const rows = database.all("SELECT event FROM deliveries WHERE trigger = ? ORDER BY position", trigger);
  return rows.map(({ event }) => JSON.parse(String(event)).color);
}

/** Subscribes an account to topics, so that each message to them is stored. None is sent. */
export function listenTo(dataDir: string, account: string, topics: readonly string[]): void {
  const connection = new Connection(join(dataDir, "twinpost.db"));
  try {
    subscribeForGood(connection, account, topics);
  } finally {
    connection.close();
  }
}

type Caller = { url: string; secret: string; recipients: string[] };

/** Puts stickers on new twins, several on each, and resolves when all are acknowledged. */
export async function putStickers(
  { url, secret, recipients }: Caller,
  validities: readonly number[],
  perTwin: number,
): Promise<string[]> {
  const wire = await Wire.open(url);
  const headers = { authorization: secret };
  const colors: string[] = [];
  for (let start = 0; start < validities.length; start += perTwin) {
    const created = await wire.call("POST", "/twins", { headers });
    const { creation_certificate } = JSON.parse(created.text) as { creation_certificate: { uuid: string } };
    const put = validities.slice(start, start + perTwin).map((at, i) => {
      const publish = { on_expire: "gone" };
      return [`c${start + i}`, { recipients, validity_ts: at / 1000, publish }] as const;
    });
    const body = JSON.stringify({ stickers: Object.fromEntries(put) });
    const path = `/twins/${creation_certificate.uuid}/stickers`;
    const { status, text } = await wire.call("POST", path, { headers, body });
    if (status !== 201 || text.includes('"error"')) throw new Error(`${status} ${text.slice(0, 500)}`);
    colors.push(...put.map(([color]) => color));
  }
  wire.close();
  return colors;
}
