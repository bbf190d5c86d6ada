import { ConnectionEnded, Wire } from "../../support/http/http-connection.ts";
import type { Account } from "../../support/process/server-process.ts";
import { pick } from "./own-twin.ts";

/** Topics of this writer's stickers: each occasion has one of its own, and all share one. */
export const TOPICS_OF = {
  "sticker.put": ["put", "all"],
  "sticker.removed": ["removed", "all"],
  "sticker.expired": ["expired", "all"],
} as const;
export const TOPICS = ["put", "removed", "expired", "all"];

const PUBLISH = {
  on_put: TOPICS_OF["sticker.put"],
  on_remove: TOPICS_OF["sticker.removed"],
  on_expire: TOPICS_OF["sticker.expired"],
};

type Put = { twin: string; color: string };

const below = (bound: number) => Math.floor(Math.random() * bound);

/**
 * Puts stickers by the REST API, one or several at a time, removes some of them, and leaves the others to expire.
 * Records what was acknowledged.
 */
export class StickerWriter {
  /** `sticker.put c7` */
  readonly acknowledged = new Set<string>();
  readonly #account: Account;
  #twins: string[] = [];
  #number = 0;

  constructor(account: Account) {
    this.#account = account;
  }

  async prepare(url: string, twins: number): Promise<void> {
    const wire = await Wire.open(url);
    for (let i = 0; i < twins; i++) {
      const { creation_certificate } = await this.#call(wire, 201, "POST", "/twins");
      this.#twins.push(creation_certificate.uuid);
    }
    wire.close();
  }

  /**
   * Writes on `writers` connections until they end, and then resolves. Rejects on a response that the server must never
   * give.
   */
  async run(url: string, writers: number, asked: { toEnd: boolean } = { toEnd: false }): Promise<void> {
    await Promise.all(Array.from({ length: writers }, () => this.#write(url, asked)));
  }

  async #write(url: string, asked: { toEnd: boolean }): Promise<void> {
    const own: Put[] = [];
    try {
      const wire = await Wire.open(url);
      while (!asked.toEnd) {
        own.push(...(await this.#put(wire)));
        if (own.length > 3) await this.#remove(wire, own.splice(below(own.length), 1)[0] as Put);
        // These will expire, or be removed too late.
        if (own.length > 8) own.splice(0, 4);
      }
      wire.close();
    } catch (error) {
      if (!(error instanceof ConnectionEnded)) throw error;
    }
  }

  async #put(wire: Wire): Promise<Put[]> {
    const twin = pick(this.#twins) as string;
    const colors = Array.from({ length: Math.random() < 0.2 ? 3 : 1 }, () => `c${++this.#number}`);
    const sticker = () => ({
      recipients: [this.#account.user],
      validity_ts: (Date.now() + 300 + below(2000)) / 1000,
      publish: PUBLISH,
    });
    const stickers = Object.fromEntries(colors.map((color) => [color, sticker()]));
    // If the machine is slow, the expiry may have come before the put: then nothing is stored.
    const answer = await this.#call(wire, [201, 400], "POST", `/twins/${twin}/stickers`, { stickers });
    if (!answer.stickers) return [];
    for (const color of colors) this.acknowledged.add(`sticker.put ${color}`);
    return colors.map((color) => ({ twin, color }));
  }

  async #remove(wire: Wire, { twin, color }: Put): Promise<void> {
    const answer = await this.#call(wire, [200, 404], "DELETE", `/twins/${twin}/stickers/${color}`);
    if (answer.account) this.acknowledged.add(`sticker.removed ${color}`);
  }

  async #call(wire: Wire, expected: number | number[], method: string, path: string, body?: object) {
    const headers = { authorization: this.#account.secret };
    const { status, text } = await wire.call(method, path, { headers, ...(body && { body: JSON.stringify(body) }) });
    if (![expected].flat().includes(status)) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 300)}`);
    return JSON.parse(text);
  }
}
