import type { Connection } from "../connections/connection.ts";
import { type ClientPacket, ProtocolError, REASON } from "../wire/packets.ts";
import { onAuth, onDisconnect, onPubrel } from "./client-packets.ts";
import { onPublish } from "./incoming.ts";
import { onSubscribe, onUnsubscribe } from "./subscribing.ts";

/** Passes a packet of an open connection to its handler. */
export function dispatch(connection: Connection, packet: ClientPacket): void {
  const { outgoing } = connection.client;
  switch (packet.cmd) {
    case "publish":
      onPublish(connection, packet);
      break;
    case "puback":
      outgoing.acknowledged(packet.messageId);
      break;
    case "pubrec":
      outgoing.received(packet.messageId, (packet.reasonCode ?? REASON.success) >= REASON.unspecified);
      break;
    case "pubrel":
      onPubrel(connection, packet.messageId);
      break;
    case "pubcomp":
      outgoing.completed(packet.messageId);
      break;
    case "subscribe":
      onSubscribe(connection, packet);
      break;
    case "unsubscribe":
      onUnsubscribe(connection, packet);
      break;
    case "pingreq":
      connection.send({ cmd: "pingresp" });
      break;
    case "disconnect":
      onDisconnect(connection, packet);
      break;
    case "auth":
      onAuth();
      break;
    default:
      throw new ProtocolError(REASON.protocolError, "a second CONNECT", "MQTT-3.1.0-2");
  }
}
