import { JOB_SLICE, type Job } from "../../deps.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import { command } from "../../store/sqlite/command.ts";
import { deletePinsBefore, deleteTokensBefore } from "../model/credential-rows.ts";

/** Deletes at most `limit` expired PINs and at most `limit` expired user tokens; returns how many of each. */
export const dropDeadCredentials = command("drop_dead_credentials", (tx, _actor, { limit }: { limit: number }) => ({
  pins: deletePinsBefore(tx, tx.now, limit),
  tokens: deleteTokensBefore(tx, tx.now, limit),
}));

export const dropDeadCredentialsJob: Job = {
  name: "drop_dead_credentials",
  schedule: "*/10 * * * *",
  run: async ({ store }) => {
    const { pins, tokens } = await store.write(dropDeadCredentials, SYSTEM, { limit: JOB_SLICE });
    return { done: pins + tokens, more: pins >= JOB_SLICE || tokens >= JOB_SLICE };
  },
};
