import { expect } from "bun:test";
import type { Connection } from "../../../src/store/sqlite/connection.ts";
import type { Entry } from "./journal-audit.ts";

export type StickerFacts = Record<string, { validity_ts: number }>;
type Living = { twin: string; validityAt: number };

/** The topics of each sticker of the load, by occasion. */
export const TOPICS: Record<string, string[]> = {
  "sticker.put": ["put"],
  "sticker.removed": ["done", "removed"],
  "sticker.expired": ["expired"],
};

/**
 * Follows the journal of stickers: each is put once and ends once, by removal before its instant or by expiry from then
 * on, and each of these is published in the same transaction, to its topics, or not at all. Colors are never used
 * twice.
 */
export class StickerAudit {
  readonly #living = new Map<string, Living>();
  /** The events, for each topic that they go to. */
  readonly #happened: string[] = [];

  apply({ kind, at, twinId, data }: Entry): void {
    for (const [color, { validity_ts }] of Object.entries(data.stickers as StickerFacts)) {
      const validityAt = Math.round(validity_ts * 1000);
      const known = this.#living.get(color);
      if ((kind === "sticker.put") === (known !== undefined)) throw new Error(`${kind} ${color}: put once, ended once`);
      if ((kind === "sticker.expired") !== at >= validityAt)
        throw new Error(`${kind} ${color} at ${at}, not ${validityAt}`);
      if (kind === "sticker.put") this.#living.set(color, { twin: twinId as string, validityAt });
      else this.#living.delete(color);
      for (const topic of TOPICS[kind] as string[]) this.#happened.push(`${topic}: ${kind} ${color}`);
    }
  }

  /** The tables agree with the journal, and every event was published to its topics. */
  compare(database: Connection): void {
    const told = Array.from(this.#living, ([color, { twin, validityAt }]) => `${color} ${twin} ${validityAt}`);
    for (const table of ["stickers", "sticker_recipients"]) {
      const rows = database.all(`SELECT color, twin_id, expires_at FROM ${table}`);
      const found = rows.map((row) => `${row["color"]} ${row["twin_id"]} ${row["expires_at"]}`);
      expect(found.sort()).toEqual(told.toSorted());
    }
    this.#compareDeliveries(database);
  }

  /** One message for each topic of each event, none for anything else, and sequence numbers without a gap. */
  #compareDeliveries(database: Connection): void {
    const rows = database.all("SELECT topic, trigger, event, number FROM deliveries ORDER BY subscription_id, number");
    const numbers = new Map<unknown, number>();
    const published = rows.map(({ topic, trigger, event, number }) => {
      const expected = (numbers.get(topic) ?? 0) + 1;
      if (number !== expected) throw new Error(`message ${number} to ${topic} follows ${expected - 1}`);
      numbers.set(topic, expected);
      return `${topic}: ${trigger} ${JSON.parse(String(event)).color}`;
    });
    expect(published.sort()).toEqual(this.#happened.toSorted());
  }
}
