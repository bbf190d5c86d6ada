import { headerText } from "../wire/packet-text.ts";
import type { Connection } from "./connection.ts";

/** Emits a hub event about a refusal of one of its devices, with the packet that caused it (specification 4.7). */
export function reportRefusal({ context, client, inbound: { frame } }: Connection, msg: string): void {
  const packet = frame ? { packet: headerText(frame) } : {};
  context.events.emit(client.hub.id, {
    severity: "error",
    objectType: "device",
    objectId: client.deviceId,
    msg,
    ...packet,
    proved: client.standing.secure,
  });
}
