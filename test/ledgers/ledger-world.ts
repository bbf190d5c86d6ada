import { expect } from "bun:test";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { copyReferences } from "../../src/ledgers/copy-references.ts";
import type { Store } from "../../src/store/store.ts";
import type { Caller, Json, World } from "../support/world/world.ts";

export const EVERYTHING = { effect: "deny", actions: null };
/** For a role that permits reading what others have made visible. */
export const OPEN_RULES = { twin_rule: "true", entry_rule: "true" };

/** A user whose role permits reading what others have made visible, with further rules if given. */
export async function createReader(world: World, admin: Caller, rules: Json = OPEN_RULES) {
  const user = await world.createUser(admin, EVERYTHING);
  await admin.call("PATCH", `/roles/${user.role}`, { rules });
  return user;
}

export const createTwin = async (caller: Pick<Caller, "call">, description?: Json): Promise<string> =>
  (await caller.call("POST", "/twins", { description })).body.creation_certificate.uuid;

/** The caller's own ledger on a twin. Each call expects that no item is refused. */
export function ledgerOf(caller: Pick<Caller, "call" | "account">, twin: string) {
  const path = `/twins/${twin}/ledgers/personal`;
  const whole = async (answer: ReturnType<Caller["call"]>): Promise<Json> => {
    const { status, body } = await answer;
    const refused = Object.entries<Json>(body.entries ?? {}).filter(([, entry]) => entry.error);
    expect({ done: status < 300, refused, body }).toMatchObject({ done: true, refused: [] });
    return body.entries;
  };
  return {
    source: (name: string) => ({ source: `twin://${twin}/${caller.account}/${name}` }),
    add: (entries: Json) => whole(caller.call("POST", path, { entries })),
    update: (entries: Json) => whole(caller.call("PATCH", path, { entries })),
    remove: (...names: string[]) => whole(caller.call("DELETE", `${path}?entries=${names.join()}`)),
    entries: () => whole(caller.call("GET", path)),
    entry: async (name: string) => (await whole(caller.call("GET", `${path}?entries=${name}`)))[name],
    history: async (name: string, query = "") =>
      (await whole(caller.call("GET", `${path}/history?entries=${name}${query}`)))[name],
  };
}

export type Ledger = ReturnType<typeof ledgerOf>;

/** A reference's status and value. */
export type Copy = [status: string, value: Json];

export async function copyIn(ledger: Ledger, name: string): Promise<Copy> {
  const { ref, value } = await ledger.entry(name);
  return [ref.status, value];
}

const COMMANDS_MAX = 1000;

/** Copies until nothing is left to do; returns the amount of work. */
export async function copyAll(store: Store, limit = 100): Promise<{ commands: number; looks: number }> {
  let looks = 0;
  let last = "";
  for (let commands = 1; commands <= COMMANDS_MAX; commands++) {
    const { done, more, after } = await store.write(copyReferences, SYSTEM, { after: last, limit });
    last = after;
    expect(done).toBeLessThanOrEqual(limit);
    looks += done;
    if (!more) return { commands, looks };
  }
  throw new Error("there is no end to the work");
}
