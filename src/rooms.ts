import { ACCESS_ROOM } from "./access/room.ts";
import type { Job } from "./deps.ts";
import { DOCUMENTS_ROOM } from "./documents/room.ts";
import { HUB_ROOM } from "./hub/room.ts";
import { IDENTITIES_ROOM } from "./identities/room.ts";
import { journalRoom } from "./journal/room.ts";
import { LEDGERS_ROOM } from "./ledgers/room.ts";
import { MQTT_ROOM } from "./mqtt/room.ts";
import { NOTIFICATIONS_ROOM } from "./notifications/room.ts";
import type { Room } from "./room.ts";
import { STICKERS_ROOM } from "./stickers/room.ts";
import { STORE_ROOM } from "./store/room.ts";
import type { Commands } from "./store/writer/writer-thread.ts";
import { TWINS_ROOM } from "./twins/room.ts";

/** The rooms that have something of an account, in an order in which every row of an export finds those that it names. */
const OF_ACCOUNTS: readonly Room[] = [
  ACCESS_ROOM,
  TWINS_ROOM,
  IDENTITIES_ROOM,
  LEDGERS_ROOM,
  STICKERS_ROOM,
  DOCUMENTS_ROOM,
  HUB_ROOM,
  MQTT_ROOM,
  NOTIFICATIONS_ROOM,
];

const JOURNAL_ROOM = journalRoom(OF_ACCOUNTS.flatMap(({ keepers = [] }) => keepers));

/** Every room that has rows. */
export const ROOMS: readonly Room[] = [STORE_ROOM, JOURNAL_ROOM, ...OF_ACCOUNTS];

/** Every command that a server may run. The writer thread identifies a command by its index in this list. */
export const COMMANDS: Commands = ROOMS.flatMap(({ commands }) => commands);

/** Returns the scheduled jobs of all rooms, newly created for one scheduler. */
export const roomJobs = (): readonly Job[] => ROOMS.flatMap(({ jobs }) => jobs?.() ?? []);

/** The invariants of all rooms. */
export const INVARIANTS = ROOMS.flatMap(({ invariants = [] }) => invariants);

/** The tables that hold an account's rows, in the order of an export. */
export const ACCOUNT_TABLES = ROOMS.flatMap(({ tables = [] }) => tables);
