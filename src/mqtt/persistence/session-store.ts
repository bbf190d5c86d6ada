import type { Deps } from "../../deps.ts";
import type { Hub } from "../../hub/registry/hub-rows.ts";
import type { DeviceActor } from "../../kernel/actor.ts";
import type { Command } from "../../store/sqlite/command.ts";
import { acknowledge, releaseOutgoing, releaseReceivedPacketId } from "./acknowledge.ts";
import { openSession } from "./open-session.ts";
import { publishMessage } from "./publish-message.ts";
import { deleteSubscriptions, saveSubscriptions } from "./save-subscriptions.ts";
import { suspendSession } from "./suspend-session.ts";

/**
 * The commands for stored sessions and messages, as the broker calls them. Each is written as the device it is for, so
 * that it queues for the writer among its account's commands.
 */
export function sessionStore({ store }: Pick<Deps, "store">) {
  const byDevice =
    <Input, Result>(command: Command<Input, Result>) =>
    (device: DeviceActor, input: Input) =>
      store.write(command, device, input);
  return {
    open: byDevice(openSession),
    suspend: byDevice(suspendSession),
    saveSubscriptions: byDevice(saveSubscriptions),
    deleteSubscriptions: byDevice(deleteSubscriptions),
    publish: byDevice(publishMessage),
    acknowledge: byDevice(acknowledge),
    releaseOutgoing: byDevice(releaseOutgoing),
    releaseIncoming: byDevice(releaseReceivedPacketId),
  };
}

/**
 * Returns the actor for a hub's own messages, events and wills: they count for its account, as if the hub were a
 * device.
 */
export const hubActor = ({ id, accountId }: Hub): DeviceActor => ({ kind: "device", accountId, deviceId: id });

export type SessionStore = ReturnType<typeof sessionStore>;
