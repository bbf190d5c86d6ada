import { command } from "../../store/sqlite/command.ts";
import { deletePinsBefore, deleteTokensBefore } from "../model/credential-rows.ts";

/** Drops at most `limit` PINs and as many user tokens that are over, and answers how many of each. They were of no use to anybody. */
export const dropDeadCredentials = command("drop_dead_credentials", (tx, _actor, { limit }: { limit: number }) => ({
  pins: deletePinsBefore(tx, tx.now, limit),
  tokens: deleteTokensBefore(tx, tx.now, limit),
}));
