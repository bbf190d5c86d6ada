import { expect } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../../src/store/sqlite/connection.ts";
import type { Row } from "../../../src/store/sqlite/sql.ts";
import { compareAll } from "./compare-rows.ts";
import { IdentityReplay } from "./identity-replay.ts";
import { LedgerReplay } from "./ledger-replay.ts";
import { StickerAudit, type StickerFacts } from "./sticker-audit.ts";
import { itemsKey, numberOfEntry, numberOfIdentity } from "./write-keys.ts";

/** A journal row, as audits need it. */
export type Entry = {
  sequence: number;
  at: number;
  accountId: string;
  twinId: string | null;
  kind: string;
  actorId: string | null;
  data: Data;
};

type Statement = { effect: "allow" | "deny"; actions: string[] | null };
type Data = Partial<Record<string, unknown>> & {
  description?: ({ n?: number } & Record<string, unknown>) | null;
  statement?: Statement;
  entries?: Record<string, Parameters<typeof numberOfEntry>[1]>;
  identities?: Record<string, Parameters<typeof numberOfIdentity>[0]>;
  stickers?: StickerFacts;
};

type Twin = {
  createdAt: number;
  updatedAt: number;
  terminatedAt: number | null;
  description: unknown;
  lastKey: string;
};

/** Opens a data directory's database beside its server, to read what is committed. */
export const openBeside = (dataDir: string) => new Connection(join(dataDir, "twinpost.db"), { readonly: true });

/** Written by the server itself and therefore in no caller's records: expiry. */
export const isServerWrite = ({ kind }: Entry) => kind === "sticker.expired";

/** Identifies the write of a journal row: by the number that the write carried, or else by the object. */
export function keyOf({ kind, twinId, data }: Entry): string {
  const { entries, identities } = data;
  if (entries) return itemsKey(kind, String(twinId), numbered(entries, numberOfEntry));
  if (identities)
    return itemsKey(
      kind,
      String(twinId),
      numbered(identities, (_, change) => numberOfIdentity(change)),
    );
  if (data.stickers) return `${kind} ${Object.keys(data.stickers)}`;
  const n = data.description?.n ?? /^Role (\d+)$/.exec(String(data["name"] ?? ""))?.[1];
  if (n !== undefined && kind !== "account.created") return String(n);
  return `${kind} ${twinId ?? data["uuid"] ?? data["user"]}`;
}

/** Writes of users have an actor; copies to references have none. */
export const isCopy = ({ kind, actorId }: Entry) => kind === "ledger.entry.updated" && actorId === null;

const numbered = <Change>(
  changes: Record<string, Change>,
  numberOf: (name: string, change: Change) => number | undefined,
) => Object.entries(changes).map(([name, change]) => [name, numberOf(name, change)] as const);

/**
 * Follows the journal and compares the tables with it: every change has its journal row, and every journal row its
 * change. Keeps its position, so that a long run is audited crash by crash, each entry once and each table whole.
 */
export class JournalAudit {
  readonly twins = new Map<string, Twin>();
  readonly ledgers = new LedgerReplay();
  readonly identities = new IdentityReplay();
  sequence = 0;
  #at = 0;
  #accounts = new Set<string>();
  #users = new Map<string, Data>();
  #roles = new Map<string, Data>();
  #secrets = new Set<string>();
  /** By user, with the user that created it. */
  #pins = new Map<string, string | null>();
  readonly #stickers = new StickerAudit();

  /** Reads on from its position, and returns the new entries. */
  follow(database: Connection): Entry[] {
    const rows = database.all(
      "SELECT sequence, occurred_at, account_id, twin_id, kind, actor_id, data FROM events WHERE sequence > ? ORDER BY sequence",
      this.sequence,
    );
    const entries = rows.map((row) => ({
      sequence: row["sequence"] as number,
      at: row["occurred_at"] as number,
      accountId: row["account_id"] as string,
      twinId: row["twin_id"] as string | null,
      kind: row["kind"] as string,
      actorId: row["actor_id"] as string | null,
      data: JSON.parse(row["data"] as string) as Data,
    }));
    for (const entry of entries) {
      if (entry.sequence !== this.sequence + 1) throw new Error(`a gap in the journal before ${entry.sequence}`);
      if (entry.at < this.#at) throw new Error(`the journal goes back in time at ${entry.sequence}`);
      this.sequence = entry.sequence;
      this.#at = entry.at;
      this.#apply(entry);
    }
    return entries;
  }

  /** The file is intact, and its tables agree with the journal. */
  compare(database: Connection): void {
    expect(database.all("SELECT integrity_check FROM pragma_integrity_check").map(withoutMetadata)).toEqual([
      { integrity_check: "ok" },
    ]);
    expect(database.all("SELECT * FROM pragma_foreign_key_check")).toEqual([]);
    const ids = (sql: string) => database.all(sql).map((row) => row["id"] as string);
    expect(sorted(ids("SELECT id FROM accounts"))).toEqual(sorted(this.#accounts));
    expect(sorted(ids("SELECT user_id AS id FROM user_secrets"))).toEqual(sorted(this.#secrets));
    expect(sorted(ids("SELECT user_id AS id FROM pins"))).toEqual(sorted(this.#pins.keys()));
    // An account's first role and user are recorded in its single entry, which has only their ids.
    compareAll(database.all("SELECT * FROM users WHERE name IS NOT 'Super Admin'"), this.#users, userOf);
    compareAll(database.all("SELECT * FROM roles WHERE name IS NOT 'Super Admin'"), this.#roles, roleOf);
    this.#stickers.compare(database);
    const twins = database.all("SELECT id, description, created_at, updated_at, terminated_at FROM twins");
    compareAll(twins, this.twins, twinOf);
    this.ledgers.compare(database);
    this.identities.compare(database);
  }

  #apply(entry: Entry): void {
    const { kind, at, data } = entry;
    const uuid = String(data["uuid"] ?? data["user"]);
    if (kind.startsWith("twin.")) this.#applyToTwin(entry);
    else if (kind.startsWith("ledger.")) this.ledgers.apply(entry, keyOf(entry));
    else if (kind.startsWith("identity.")) this.identities.apply(entry, keyOf(entry));
    else if (kind.startsWith("sticker.")) this.#stickers.apply(entry);
    else if (kind === "account.created") {
      this.#accounts.add(entry.accountId);
      this.#secrets.add(uuid);
    } else if (kind === "user.created" || kind === "user.updated") this.#users.set(uuid, data);
    else if (kind === "user.deleted") {
      this.#users.delete(uuid);
      this.#endSecret(uuid);
      this.#pins.delete(uuid);
    } else if (kind === "role.created" || kind === "role.updated") this.#roles.set(uuid, data);
    else if (kind === "role.deleted") this.#roles.delete(uuid);
    else if (kind === "secret.pin_created") this.#pins.set(uuid, entry.actorId);
    else if (kind === "secret.created") {
      this.#pins.delete(uuid);
      this.#endSecret(uuid);
      this.#secrets.add(uuid);
    } else if (kind === "secret.outgrown") for (const user of data["users"] as string[]) this.#endSecret(user);
    else throw new Error(`${kind} at ${at} is not expected`);
  }

  /** The PINs created with it end too. */
  #endSecret(user: string): void {
    this.#secrets.delete(user);
    for (const [pin, maker] of this.#pins) if (maker === user) this.#pins.delete(pin);
  }

  #applyToTwin(entry: Entry): void {
    const { kind, at, twinId, data } = entry;
    const id = twinId as string;
    const known = this.twins.get(id);
    const lastKey = keyOf(entry);
    this.#assertPermitted(entry);
    if ((kind === "twin.created") !== (known === undefined))
      throw new Error(`${kind} of ${id}: created once, and first`);
    if (known?.terminatedAt) throw new Error(`${kind} of ${id} after it was terminated`);
    const twin = known ?? { createdAt: at, updatedAt: at, terminatedAt: null, description: null, lastKey };
    const description = kind === "twin.terminated" ? twin.description : data.description;
    const terminatedAt = kind === "twin.terminated" ? at : null;
    this.twins.set(id, { createdAt: twin.createdAt, updatedAt: at, terminatedAt, description, lastKey });
  }

  /** No later write of an actor follows the one that removed its permission. */
  #assertPermitted({ sequence, kind, actorId }: Entry): void {
    const role = this.#users.get(actorId ?? "")?.["role"];
    const statement = this.#roles.get(String(role))?.statement;
    if (!statement || kind !== "twin.created") return;
    const permitted = (statement.actions?.includes("create_twin") ?? false) === (statement.effect === "allow");
    if (!permitted) throw new Error(`${kind} at ${sequence} is not permitted to ${actorId}`);
  }
}

const json = (value: unknown) => (value === null ? null : JSON.parse(value as string));
const times = (row: Row) => ({
  created_ts: (row["created_at"] as number) / 1000,
  updated_ts: (row["updated_at"] as number) / 1000,
});

const twinOf = (row: Row, told: Twin | undefined): Twin => ({
  createdAt: row["created_at"] as number,
  updatedAt: row["updated_at"] as number,
  terminatedAt: row["terminated_at"] as number | null,
  description: json(row["description"]),
  lastKey: told?.lastKey ?? "",
});

const userOf = (row: Row): Data => ({
  uuid: row["id"],
  role: row["role_id"],
  account: row["account_id"],
  name: row["name"],
  ...(row["description"] !== null && { description: json(row["description"]) }),
  activity: json(row["activity"]),
  ...times(row),
});

const roleOf = (row: Row): Data => ({
  uuid: row["id"],
  name: row["name"],
  account: row["account_id"],
  statement: { effect: row["effect"] as Statement["effect"], actions: json(row["actions"]) },
  rules: { twin_rule: null, identity_rule: null, entry_rule: null },
  ...times(row),
});

const withoutMetadata = ({ _metadata, ...row }: Row) => row;
const sorted = (ids: Iterable<string>) => [...ids].sort();
