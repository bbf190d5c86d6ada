import { command } from "../store/command.ts";
import { deletePinsBefore, deleteTokensBefore } from "./credential-rows.ts";

/** Drops at most `limit` PINs and as many user tokens that are over; answers how many. They were of no use to anybody any more. */
export const dropDeadCredentials = command(
  "drop_dead_credentials",
  (tx, _actor, { limit }: { limit: number }): number =>
    Math.max(deletePinsBefore(tx, tx.now, limit), deleteTokensBefore(tx, tx.now, limit)),
);
