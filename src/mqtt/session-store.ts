import type { Deps } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import type { Command } from "../store/command.ts";
import { acknowledge, releaseIncoming, releaseOutgoing } from "./acknowledge.ts";
import { openSession } from "./open-session.ts";
import { publishMessage } from "./publish-message.ts";
import { deleteSubscriptions, saveSubscriptions } from "./save-subscriptions.ts";
import { suspendSession } from "./suspend-session.ts";

/** The commands about stored sessions and messages, as the broker calls them: it is nobody but the system itself. */
export function sessionStore({ store }: Pick<Deps, "store">) {
  const bySystem =
    <Input, Result>(command: Command<Input, Result>) =>
    (input: Input) =>
      store.write(command, SYSTEM, input);
  return {
    open: bySystem(openSession),
    suspend: bySystem(suspendSession),
    saveSubscriptions: bySystem(saveSubscriptions),
    deleteSubscriptions: bySystem(deleteSubscriptions),
    publish: bySystem(publishMessage),
    acknowledge: bySystem(acknowledge),
    releaseOutgoing: bySystem(releaseOutgoing),
    releaseIncoming: bySystem(releaseIncoming),
  };
}

export type SessionStore = ReturnType<typeof sessionStore>;
