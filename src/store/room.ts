import { saveSealedKey } from "./keys/sealed-keys.ts";
import { dropUpgradeNotices } from "./migrations/upgrade-notices.ts";
import { proveWritable } from "./writer/writability.ts";

/** The manifest of a room that is too low to know the type: the list of rooms checks it. */
export const STORE = {
  commands: [saveSealedKey, proveWritable, dropUpgradeNotices],
  leftTables: {
    schema_migrations: "of the database itself",
    upgrade_notices: "of the database itself",
    sealed_keys: "keys of the server",
  },
};
