import { SYSTEM } from "../../kernel/actor.ts";
import { command, type ReadWrite } from "../sqlite/command.ts";
import { type Reader, text } from "../sqlite/sql.ts";
import type { Vault } from "./vault.ts";

/** A sealed word by which a database tells the master key that it was written with. */
export const KEY_CHECK = "master-key-check";

/** Whether a vault has the master key of a database. One that was never opened takes any. */
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

/** Keeps a sealed key unless there is one of that name, and answers the one that is kept. */
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

/** The key of that name; made and kept, sealed, when first asked for. */
export async function obtainKey(
  store: ReadWrite & { readonly vault: Vault },
  name: string,
  make: () => Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const kept = store.read((reader) => findSealedKey(reader, name));
  const sealed = kept ?? (await store.write(saveSealedKey, SYSTEM, { name, sealed: store.vault.seal(name, make()) }));
  return store.vault.open(name, sealed);
}
