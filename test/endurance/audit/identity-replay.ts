import type { Connection } from "../../../src/store/sqlite/connection.ts";
import { compareAll } from "./compare-rows.ts";
import type { Entry } from "./journal-audit.ts";

type Identity = {
  accountId: string;
  visibility: string | null;
  expiresAt: number | null;
  createdAt: number;
  updatedAt: number;
  /** The key of the last write to it. */
  lastKey: string;
};

type Changes = Record<string, { validity_ts: number | null; visibility: string | null } | null>;

/** Rebuilds identities from the journal and compares them with their table. */
export class IdentityReplay {
  /** By twin and name: only one account creates identities here. */
  readonly #twins = new Map<string, Map<string, Identity>>();

  find = (twinId: string, name: string): Identity | undefined => this.#twins.get(twinId)?.get(name);

  namesOf = (twinId: string) => [...(this.#twins.get(twinId)?.keys() ?? [])];

  apply({ kind, at, accountId, twinId, data, sequence }: Entry, lastKey: string): void {
    const identities = this.#twins.get(String(twinId)) ?? new Map<string, Identity>();
    this.#twins.set(String(twinId), identities);
    for (const [name, change] of Object.entries(data.identities as Changes)) {
      const known = identities.get(name);
      if ((kind === "identity.created") !== (known === undefined)) {
        throw new Error(`${kind} of ${twinId} ${name} at ${sequence}: created once, and first`);
      }
      if (change === null) identities.delete(name);
      else {
        const expiresAt = change.validity_ts === null ? null : Math.round(change.validity_ts * 1000);
        const { visibility } = change;
        const createdAt = known?.createdAt ?? at;
        identities.set(name, { accountId, visibility, expiresAt, createdAt, updatedAt: at, lastKey });
      }
    }
  }

  compare(database: Connection): void {
    const rows = database.all(
      "SELECT twin_id || ' ' || name AS id, account_id, visibility, expires_at, created_at, updated_at FROM identities",
    );
    const told = new Map(
      [...this.#twins].flatMap(([twinId, identities]) =>
        [...identities].map(([name, identity]) => [`${twinId} ${name}`, identity]),
      ),
    );
    compareAll(rows, told, (row, told) => ({
      accountId: row["account_id"] as string,
      visibility: row["visibility"] as string | null,
      expiresAt: row["expires_at"] as number | null,
      createdAt: row["created_at"] as number,
      updatedAt: row["updated_at"] as number,
      lastKey: told?.lastKey ?? "",
    }));
  }
}
