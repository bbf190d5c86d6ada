import { SYSTEM } from "../../kernel/actor.ts";
import { command, type ReadWrite } from "../sqlite/command.ts";
import { type Reader, text } from "../sqlite/sql.ts";
import type { Vault } from "./vault.ts";

/**
 * Name and label of a sealed value that only the database's own master key can open: it shows whether a key is the
 * right one.
 */
export const KEY_CHECK = "master-key-check";

/** Whether a vault has the master key of a database. A database that was never opened fits any key. */
export function fits(vault: Pick<Vault, "open">, reader: Pick<Reader, "get">): boolean {
  const sealed = findSealedKey(reader, KEY_CHECK);
  if (sealed === undefined) return true;
  try {
    vault.open(KEY_CHECK, sealed);
    return true;
  } catch {
    return false;
  }
}

export function findSealedKey(reader: Pick<Reader, "get">, name: string): string | undefined {
  const row = reader.get("SELECT sealed FROM sealed_keys WHERE name = ?", name);
  return row && text(row, "sealed");
}

/** Stores a sealed key unless one of that name exists. Returns the stored one. */
export const saveSealedKey = command(
  "save_sealed_key",
  (tx, _actor, input: { name: string; sealed: string }): string => {
    tx.run(
      "INSERT INTO sealed_keys (name, sealed) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
      input.name,
      input.sealed,
    );
    return findSealedKey(tx, input.name) as string;
  },
);

/** Returns the key of that name. On the first call it is made and stored, sealed. */
export async function loadOrCreateKey(
  store: ReadWrite & { readonly vault: Vault },
  name: string,
  make: () => Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const kept = store.read((reader) => findSealedKey(reader, name));
  const sealed = kept ?? (await store.write(saveSealedKey, SYSTEM, { name, sealed: store.vault.seal(name, make()) }));
  return store.vault.open(name, sealed);
}
