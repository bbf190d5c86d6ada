import type { Wire } from "../../support/http/http-connection.ts";
import type { JournalAudit } from "../audit/journal-audit.ts";

type Last = { key: string; text: string };
type Read = { path: string; check: (text: string) => void };

/** The last responses about entries and identities, and the writes that they came from. */
export class AcknowledgedValues {
  /** By twin and name. */
  readonly #entries = new Map<string, Map<string, Last>>();
  readonly #identities = new Map<string, Map<string, Last>>();

  tellEntry(twinId: string, name: string, last: Last): void {
    under(this.#entries, twinId).set(name, last);
  }

  tellIdentity(twinId: string, name: string, last: Last): void {
    under(this.#identities, twinId).set(name, last);
  }

  /**
   * The server still gives the same response, with the history that belongs to it, for everything not written since.
   * Forgets it.
   */
  async auditServed(open: () => Promise<Wire>, authorization: string, journal: JournalAudit): Promise<void> {
    const reads = [...this.#readsOfEntries(journal), ...this.#readsOfIdentities(journal)];
    const readers = Array.from({ length: 8 }, async () => {
      const wire = await open();
      for (let read = reads.pop(); read; read = reads.pop()) {
        const { status, text } = await wire.call("GET", read.path, { headers: { authorization } });
        if (status !== 200) throw new Error(`${read.path} is answered ${status} ${text}`);
        read.check(text);
      }
      wire.close();
    });
    await Promise.all(readers);
    this.#entries.clear();
    this.#identities.clear();
  }

  *#readsOfEntries({ ledgers }: JournalAudit): Iterable<Read> {
    for (const [twinId, told] of this.#entries) {
      const path = `/twins/${twinId}/ledgers/personal`;
      const stands = [...told].filter(([name, { key }]) => ledgers.find(twinId, name)?.lastKey === key);
      if (stands.length === 0) continue;
      yield {
        path,
        check: (text) => {
          const { entries } = JSON.parse(text);
          for (const [name, last] of stands) assertSame(`${path} ${name}`, last.text, JSON.stringify(entries[name]));
        },
      };
      yield {
        path: `${path}/history?limit=1000`,
        check: (text) => {
          const { entries } = JSON.parse(text);
          for (const [name] of stands) {
            const { recordCount = 0, value } = ledgers.find(twinId, name) ?? {};
            const records = Object.values(entries[name] ?? {});
            const newest = recordCount > 0 ? value : undefined;
            assertSame(`history of ${path} ${name}`, `${recordCount}`, `${records.length}`);
            assertSame(`history of ${path} ${name}`, JSON.stringify(newest), JSON.stringify(records[0]));
          }
        },
      };
    }
  }

  *#readsOfIdentities({ identities }: JournalAudit): Iterable<Read> {
    for (const [twinId, told] of this.#identities) {
      for (const [name, last] of told) {
        if (identities.find(twinId, name)?.lastKey !== last.key) continue;
        const path = `/twins/${twinId}/identities/${encodeURIComponent(name)}`;
        yield { path, check: (text) => assertSame(path, last.text, text) };
      }
    }
  }
}

function under<Value>(map: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  const inner = map.get(key) ?? new Map<string, Value>();
  map.set(key, inner);
  return inner;
}

function assertSame(what: string, told: string | undefined, text: string | undefined): void {
  if (text !== told) throw new Error(`${what} was answered ${told}, and is ${text}`);
}
