import type { Room } from "../room.ts";
import { IDENTITY_TABLES } from "./account-rows.ts";
import { createTwinIdentity } from "./create-twin-identity.ts";
import { deleteTwinIdentity } from "./delete-twin-identity.ts";
import { IDENTITY_INVARIANTS } from "./invariant-rows.ts";
import { updateTwinIdentity } from "./update-twin-identity.ts";

export const IDENTITIES_ROOM = {
  commands: [createTwinIdentity, deleteTwinIdentity, updateTwinIdentity],
  invariants: IDENTITY_INVARIANTS,
  tables: IDENTITY_TABLES,
} satisfies Room;
