import type { Room } from "../room.ts";
import { TWIN_TABLES } from "./account-rows.ts";
import { createTwin } from "./create-twin.ts";
import { updateTwin } from "./update-twin.ts";

export const TWINS_ROOM = {
  commands: [createTwin, updateTwin],
  tables: TWIN_TABLES,
} satisfies Room;
