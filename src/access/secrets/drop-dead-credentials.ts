import { command } from "../../store/sqlite/command.ts";
import { deletePinsBefore, deleteTokensBefore } from "../model/credential-rows.ts";

/** Deletes at most `limit` expired PINs and at most `limit` expired user tokens; returns how many of each. */
export const dropDeadCredentials = command("drop_dead_credentials", (tx, _actor, { limit }: { limit: number }) => ({
  pins: deletePinsBefore(tx, tx.now, limit),
  tokens: deleteTokensBefore(tx, tx.now, limit),
}));
