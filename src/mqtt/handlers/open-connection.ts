import type { DeviceConnection } from "../../hub/admission/presence.ts";
import { standingOf } from "../../hub/admission/standing.ts";
import type { Identified } from "../../hub/registry/identity.ts";
import type { DeviceActor } from "../../kernel/actor.ts";
import { type Client, makeClient } from "../connections/client.ts";
import type { Connection } from "../connections/connection.ts";
import { accessOf } from "../connections/device-access.ts";
import { applyMissed } from "../connections/live-effects.ts";
import type { ClaimedSession } from "../connections/session.ts";
import type { HubEvent } from "../events/hub-events.ts";
import { keepAliveOf } from "../flow/keep-alive.ts";
import { planLimitsOf } from "../flow/plan-limits.ts";
import { SESSION_EXPIRY_MAX_S } from "../limits.ts";
import { type Connect, REASON } from "../wire/packets.ts";
import { acceptance, refuseConnect } from "./connack.ts";
import { abandonSession, claimSession } from "./session-life.ts";
import { willOf } from "./wills.ts";

/** Opens the connection of a device that may be here: its session, its presence, the CONNACK, and what its session has left to send. */
export async function openConnection(
  connection: Connection,
  packet: Connect,
  identified: Identified,
  packetText: string,
): Promise<void> {
  const { context, socket } = connection;
  const { device, hub, provisioned, secure: proved } = identified;
  const about = { severity: "error", objectType: "device", objectId: device.id, packet: packetText, proved } as const;
  const say = (msg: string, more: Partial<HubEvent> = {}) => context.events.emit(hub.id, { ...about, msg, ...more });
  if (provisioned) {
    const what = { severity: "info", objectName: device.name, sourceAddress: socket.peer } as const;
    say("device was auto-provisioned", what);
  }
  const limits = planLimitsOf(hub, context.deps.config.mqttPlanLimits);
  const refusal = limits?.refusesConnect(packet);
  if (refusal) {
    say(refusal);
    refuseConnect(connection, packet.protocolVersion, REASON.notAuthorized, refusal);
    return;
  }
  const space = context.hubs.space(hub);
  // Several connections are not a matter of the shared plan (specification 5.3).
  const clientId = clientIdOf(
    packet,
    device,
    limits === undefined && device.allowMultipleConnections,
    context.deps.random.uuid,
  );
  const access = accessOf(context, device, hub, proved);
  const asked = {
    ...{ clientId, deviceId: device.id, cleanStart: packet.clean, expiryIntervalS: expiryOf(packet) },
    will: willOf(packet, { access, hub, say }),
  };
  const actor: DeviceActor = { kind: "device", accountId: device.accountId, deviceId: device.id };
  const standing = standingOf(identified);
  const arrival = context.presence.arrived(connection, actor, standing, tellingOf(connection, packet, clientId));
  const opening = claimSession(connection, space, asked);
  const [arrived, opened] = await Promise.allSettled([arrival, opening]);
  const departure = arrived.status === "fulfilled" ? arrived.value : null;
  if (opened.status === "rejected" || arrived.status === "rejected" || departure || connection.state !== "connecting") {
    context.leaving(context.presence.left(actor, connection, departure?.event ?? "connection was not opened"));
    abandonSession(context, connection, { space, deviceId: device.id, clientId });
    if (opened.status === "rejected") throw opened.reason;
    if (arrived.status === "rejected") throw arrived.reason;
    if (departure) refuseConnect(connection, packet.protocolVersion, REASON.notAuthorized, departure.event);
    return;
  }
  const admitted = { identified, space, opened: opened.value, access, standing, clientId };
  begin(connection, packet, makeClient(connection, packet, admitted), opened.value);
}

/** A device is one client, unless it may have several connections, which then tell themselves apart (specification 5.2, rule 3). */
const clientIdOf = (packet: Connect, device: { id: string }, isSeveral: boolean, uuid: () => string): string =>
  isSeveral ? packet.clientId || uuid() : device.id;

/** A connection as the journal tells of it: by the name that it uses itself. */
const tellingOf = ({ socket }: Connection, packet: Connect, clientId: string): DeviceConnection => ({
  clientId: packet.clientId || clientId,
  transport: socket.transport,
  peer: socket.peer,
  level: packet.protocolVersion,
});

/** The session's fate after the connection: MQTT 3 keeps it or not (3.1.2.4 of 3.1.1), MQTT 5 says for how long (3.1.2.11.2). */
function expiryOf({ protocolVersion, clean, properties }: Connect): number {
  if (protocolVersion < 5) return clean ? 0 : SESSION_EXPIRY_MAX_S;
  return Math.min(properties?.sessionExpiryInterval ?? 0, SESSION_EXPIRY_MAX_S);
}

/** CONNACK is the first packet [MQTT-3.2.0-1]; then what the session has left to send, and what the client sent meanwhile. */
function begin(connection: Connection, packet: Connect, client: Client, { present }: ClaimedSession): void {
  const { context } = connection;
  connection.opened(client);
  context.metrics.connected(packet.protocolVersion, connection.socket);
  connection.send(
    acceptance({
      connect: packet,
      sessionPresent: present,
      assignedClientIdentifier: packet.clientId === "" ? client.clientId : undefined,
      sessionExpiryIntervalS: client.session.expiryIntervalS,
      keepAliveS: keepAliveOf(packet, context.deps.config.mqttKeepAliveMaxS),
      packetBytesMax: context.deps.config.mqttPacketBytesMax,
    }),
  );
  client.session.connection = connection;
  client.outgoing.pump();
  applyMissed(context, connection);
  connection.inbound.readOn();
}
