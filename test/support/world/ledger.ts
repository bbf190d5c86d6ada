import { type Caller, type Json, openWorld } from "./world.ts";

/** A new twin of the caller's account. */
export const newTwin = async (caller: Caller, description?: Json): Promise<string> =>
  (await caller.call("POST", "/twins", { description })).body.creation_certificate.uuid;

/** A company with a twin, and access to its own ledger of it. */
export async function openLedger() {
  const world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company);
  const path = `/twins/${twin}/ledgers/personal`;
  return {
    world,
    company,
    twin,
    path,
    add: (entries: Json, options: Json = {}) => company.call("POST", path, { entries, ...options }),
    change: (entries: Json, options: Json = {}) => company.call("PATCH", path, { entries, ...options }),
    get: async (query = "") => (await company.call("GET", `${path}${query}`)).body.entries,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
    },
  };
}
