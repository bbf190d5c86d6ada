import { saveSealedKey } from "./keys/sealed-keys.ts";
import { dropUpgradeNotices } from "./migrations/upgrade-notices.ts";
import { proveWritable } from "./writer/writability.ts";

/**
 * The store's manifest. It is not declared with the type `Room`, because the store may not import from the layer that
 * defines it; `rooms.ts` checks it.
 */
export const STORE_ROOM = {
  commands: [saveSealedKey, proveWritable, dropUpgradeNotices],
  leftTables: {
    schema_migrations: "of the database itself",
    upgrade_notices: "of the database itself",
    sealed_keys: "keys of the server",
  },
};
