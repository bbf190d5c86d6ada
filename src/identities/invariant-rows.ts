import type { Invariant } from "../store/sqlite/invariant.ts";

export const IDENTITY_INVARIANTS: readonly Invariant[] = [
  {
    broken: "identities: who set the visibility of {name} of {account_id} on {twin_id} is not known, or there is none",
    sql: "SELECT name, account_id, twin_id FROM identities WHERE (visibility IS NULL) <> (author IS NULL)",
  },
];
