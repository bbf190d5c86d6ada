import { ACCESS_INVARIANTS } from "../access/model/invariant-rows.ts";
import { DOCUMENT_INVARIANTS } from "../documents/invariant-rows.ts";
import { EVENT_INVARIANTS } from "../events/invariant-rows.ts";
import { HUB_INVARIANTS } from "../hub/registry/invariant-rows.ts";
import { IDENTITY_INVARIANTS } from "../identities/invariant-rows.ts";
import { LEDGER_INVARIANTS } from "../ledgers/model/invariant-rows.ts";
import { MQTT_INVARIANTS } from "../mqtt/persistence/invariant-rows.ts";
import { NOTIFICATION_INVARIANTS } from "../notifications/model/invariant-rows.ts";
import { STICKER_INVARIANTS } from "../stickers/invariant-rows.ts";

/** Every room's invariants of its rows. */
export const INVARIANTS = [
  ...EVENT_INVARIANTS,
  ...ACCESS_INVARIANTS,
  ...IDENTITY_INVARIANTS,
  ...LEDGER_INVARIANTS,
  ...STICKER_INVARIANTS,
  ...DOCUMENT_INVARIANTS,
  ...NOTIFICATION_INVARIANTS,
  ...HUB_INVARIANTS,
  ...MQTT_INVARIANTS,
];
