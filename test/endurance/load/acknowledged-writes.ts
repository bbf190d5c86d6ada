import type { Answer, Wire } from "../../support/http/http-connection.ts";
import { type Entry, isServerWrite, type JournalAudit, keyOf } from "../audit/journal-audit.ts";
import { REFERENCE_NAME } from "../audit/write-keys.ts";
import type { OwnTwin } from "./own-twin.ts";

/** Members of responses that writers use. */
type Body = {
  uuid: string;
  pin: string;
  secret: string;
  updated_ts?: number;
  creation_certificate: { uuid: string };
};

/** Counts of the writes since the last audit; lost ones were in flight when the connection ended. */
export type Tally = { acknowledged: number; refused: number; lost: number; lostButStored: number };

/**
 * Records of all writers: each write under the key of its future journal row, and its response. After a crash the
 * journal and the server are compared with them.
 */
export class AcknowledgedWrites {
  readonly #acknowledged: { key: string; path: string; answer: string; at: number | undefined }[] = [];
  readonly #refused: (string | undefined)[] = [];
  readonly #lost: string[] = [];
  readonly #secrets: string[] = [];
  #onAcknowledged: { count: number; run: () => void } | undefined;

  get acknowledgedCount(): number {
    return this.#acknowledged.length;
  }

  /** Resolves when `count` writes have been acknowledged since the last audit. */
  untilAcknowledged(count: number): Promise<void> {
    return new Promise((run) => {
      this.#onAcknowledged = { count, run };
    });
  }

  acknowledge(key: string, path: string, answer: string): Body {
    const told = JSON.parse(answer) as Body;
    const twin = told.creation_certificate?.uuid;
    // The response to a deletion has the state from before it.
    const at = told.updated_ts === undefined || /^\w+\.deleted /.test(key) ? undefined : instant(told.updated_ts);
    this.#acknowledged.push({ key, path: twin ? `/twins/${twin}` : path, answer, at });
    if (told.secret) this.#secrets.push(told.secret);
    if (this.#acknowledged.length >= (this.#onAcknowledged?.count ?? Number.POSITIVE_INFINITY)) {
      this.#onAcknowledged?.run();
    }
    return told;
  }

  refuse(key: string | undefined): void {
    this.#refused.push(key);
  }

  lose(key: string): void {
    this.#lost.push(key);
  }

  /**
   * Everything acknowledged is in the journal, once and at the instant in the response; nothing that was refused is,
   * and nothing else.
   */
  auditJournal(entries: Entry[]): Tally {
    const found = new Map<string, Entry>();
    for (const entry of entries) {
      if (isServerWrite(entry)) continue;
      const key = keyOf(entry);
      if (found.has(key)) throw new Error(`${key} stands in the journal twice`);
      found.set(key, entry);
    }
    for (const { key, at, answer } of this.#acknowledged) {
      const entry = found.get(key);
      if (!entry) throw new Error(`${key} was acknowledged, and is lost: ${answer}`);
      if (at !== undefined && entry.at !== at) throw new Error(`${key} is of ${entry.at}, not as answered: ${answer}`);
      found.delete(key);
    }
    for (const key of this.#refused)
      if (key !== undefined && found.has(key)) throw new Error(`${key} was refused, and is stored`);
    const lostButStored = this.#lost.filter((key) => found.delete(key)).length;
    if (found.size > 0) throw new Error(`no caller wrote ${[...found.keys()].slice(0, 5)}`);
    return {
      acknowledged: this.#acknowledged.length,
      refused: this.#refused.length,
      lost: this.#lost.length,
      lostButStored,
    };
  }

  /**
   * The twin is as last acknowledged, or as the write in flight would leave it. Returns whether it can still be
   * changed.
   */
  auditTwin(journal: JournalAudit, twin: OwnTwin): boolean {
    const { lastKey = "", terminatedAt } = journal.twins.get(twin.id) ?? {};
    if (lastKey !== twin.last && lastKey !== twin.flying) {
      throw new Error(`twin ${twin.id} is at ${lastKey}, acknowledged ${twin.last}, on its way ${twin.flying}`);
    }
    twin.last = lastKey;
    twin.flying = undefined;
    // The write to ledger and identities in flight was stored as a whole or not at all, as the journal shows.
    twin.entries = new Map(
      journal.ledgers
        .valuesOf(twin.id)
        .map(([name, value]) => [name, REFERENCE_NAME.test(name) ? undefined : (value as { n: number }).n]),
    );
    twin.identities = new Set(journal.identities.namesOf(twin.id));
    return terminatedAt === null;
  }

  /** The server still gives its last response about each twin, and issued secrets still work. Clears the records. */
  async auditServed(open: () => Promise<Wire>, authorization: string, journal: JournalAudit): Promise<void> {
    const latest = new Map<string, string>();
    for (const { key, path, answer } of this.#acknowledged) {
      // A write that was in flight may have been stored after it.
      if (journal.twins.get(path.slice("/twins/".length))?.lastKey === key) latest.set(path, answer);
    }
    const twins = [...latest];
    const secrets = this.#secrets.splice(0);
    const readers = Array.from({ length: 8 }, async () => {
      const wire = await open();
      for (let next = twins.pop(); next; next = twins.pop()) {
        const [path, told] = next;
        const { text } = await wire.call("GET", path, { headers: { authorization } });
        if (text !== told) throw new Error(`${path} was answered ${told}, and is ${text}`);
      }
      for (let secret = secrets.pop(); secret; secret = secrets.pop()) {
        const { status, text } = await wire.call("GET", "/whoami", { headers: { authorization: secret } });
        if (status !== 200) throw new Error(`a secret that was handed out is answered ${status} ${text}`);
      }
      wire.close();
    });
    await Promise.all(readers);
    for (const book of [this.#acknowledged, this.#refused, this.#lost]) book.length = 0;
  }
}

/** A caller that writes on a connection and records it. */
export class Caller {
  readonly #wire: Wire;
  readonly #authorization: string;
  readonly #books: AcknowledgedWrites;

  constructor(wire: Wire, authorization: string, books: AcknowledgedWrites) {
    this.#wire = wire;
    this.#authorization = authorization;
    this.#books = books;
  }

  /** A write that must succeed. */
  async write(key: string, method: string, path: string, body?: object): Promise<Body> {
    const answer = await this.#send(key, method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return this.#books.acknowledge(key, path, answer.text);
  }

  /**
   * A write of several items of which at least a part must succeed; the key names those that do. Returns the raw
   * response.
   */
  async writeItems(key: string, method: string, path: string, body?: object): Promise<string> {
    const answer = await this.#send(key, method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    this.#books.acknowledge(key, path, answer.text);
    return answer.text;
  }

  /** A write of several items that must store none. It has no key, so a journal row of it would match no write. */
  async refuseItems(status: number, method: string, path: string, body: object): Promise<string> {
    const answer = await this.#send(undefined, method, path, body);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    this.#books.refuse(undefined);
    return answer.text;
  }

  /** A write that must succeed or be refused with one of these statuses. */
  async try(refusals: number[], key: string, method: string, path: string, body?: object): Promise<Body | undefined> {
    const answer = await this.#send(key, method, path, body);
    if (answer.status < 300) return this.#books.acknowledge(key, path, answer.text);
    if (!refusals.includes(answer.status)) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    this.#books.refuse(key);
    return undefined;
  }

  /** An acknowledged write can be read at once. */
  async expectDescription(twin: string, n: number): Promise<void> {
    const headers = { authorization: this.#authorization };
    const { text } = await this.#wire.call("GET", `/twins/${twin}`, { headers });
    if (!text.includes(`"n":${n},`)) throw new Error(`${n} was acknowledged, and cannot be read: ${text}`);
  }

  /** The same for the value of an entry. */
  async expectValue(twin: string, name: string, n: number): Promise<void> {
    const headers = { authorization: this.#authorization };
    const path = `/twins/${twin}/ledgers/personal/value?entries=${name}`;
    const { text } = await this.#wire.call("GET", path, { headers });
    if (JSON.parse(text).entries[name].value?.n !== n) throw new Error(`${n} was acknowledged, and is ${text}`);
  }

  /** A removed object is in no response any more. */
  async expectGone(path: string): Promise<void> {
    const { status, text } = await this.#wire.call("GET", path, { headers: { authorization: this.#authorization } });
    if (status !== 404) throw new Error(`${path} is gone, and answered ${status} ${text}`);
  }

  /** Another caller on the same connection. */
  as(authorization: string): Caller {
    return new Caller(this.#wire, authorization, this.#books);
  }

  async #send(key: string | undefined, method: string, path: string, body?: object): Promise<Answer> {
    try {
      const headers = { authorization: this.#authorization };
      return await this.#wire.call(method, path, { headers, ...(body && { body: JSON.stringify(body) }) });
    } catch (error) {
      if (key !== undefined) this.#books.lose(key);
      throw error;
    }
  }
}

const instant = (seconds: number) => Math.round(seconds * 1000);
