import { ACCESS } from "./access/room.ts";
import type { Job } from "./deps.ts";
import { DOCUMENTS } from "./documents/room.ts";
import { eventsRoom } from "./events/room.ts";
import { HUB } from "./hub/room.ts";
import { IDENTITIES } from "./identities/room.ts";
import { LEDGERS } from "./ledgers/room.ts";
import { MQTT } from "./mqtt/room.ts";
import { NOTIFICATIONS } from "./notifications/room.ts";
import type { Room } from "./room.ts";
import { STICKERS } from "./stickers/room.ts";
import { STORE } from "./store/room.ts";
import type { Commands } from "./store/writer/writer-thread.ts";
import { TWINS } from "./twins/room.ts";

/** The rooms that have something of an account, in an order in which every row of an export finds those that it names. */
const OF_ACCOUNTS: readonly Room[] = [
  ACCESS,
  TWINS,
  IDENTITIES,
  LEDGERS,
  STICKERS,
  DOCUMENTS,
  HUB,
  MQTT,
  NOTIFICATIONS,
];

const EVENTS = eventsRoom(OF_ACCOUNTS.flatMap(({ keepers = [] }) => keepers));

/** Every room that has rows. */
export const ROOMS: readonly Room[] = [STORE, EVENTS, ...OF_ACCOUNTS];

/** Every command that a server gives. The writer's thread knows a command by its place here. */
export const COMMANDS: Commands = ROOMS.flatMap(({ commands }) => commands);

/** What time asks of the rooms, made anew for a scheduler. */
export const roomJobs = (): readonly Job[] => ROOMS.flatMap(({ jobs }) => jobs?.() ?? []);

/** What every room says has to be true of its rows. */
export const INVARIANTS = ROOMS.flatMap(({ invariants = [] }) => invariants);

/** What an account has. */
export const ACCOUNT_TABLES = ROOMS.flatMap(({ tables = [] }) => tables);
