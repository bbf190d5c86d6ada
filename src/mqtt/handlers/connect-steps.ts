import { type AdmissionBasis, admissionBasisOf } from "../../hub/admission/admission-basis.ts";
import { identifyDevice } from "../../hub/admission/identify-device.ts";
import type { DeviceConnection } from "../../hub/admission/presence.ts";
import { type IdentifiedDevice, isRefusal, type Refusal, type RefusalReason } from "../../hub/registry/identity.ts";
import type { DeviceActor } from "../../kernel/actor.ts";
import { peerKey } from "../../kernel/client-address.ts";
import { makeClient } from "../connections/client.ts";
import type { Connection } from "../connections/connection.ts";
import { accessOf } from "../connections/device-access.ts";
import type { HubNamespace } from "../connections/hub-namespace.ts";
import { applyMissedChanges } from "../connections/live-effects.ts";
import type { ClaimedSession } from "../connections/session.ts";
import type { HubEvent } from "../events/hub-events.ts";
import { keepAliveOf } from "../flow/keep-alive.ts";
import { planLimitsOf } from "../flow/plan-limits.ts";
import { SESSION_EXPIRY_MAX_S } from "../limits.ts";
import type { AccessFilters } from "../matching/access-filters.ts";
import type { StoredWill } from "../persistence/will.ts";
import { type Connect, ProtocolError, REASON, type ReasonCode } from "../wire/packets.ts";
import { acceptance, refuseConnect } from "./connack.ts";
import { abandonSession, claimSession } from "./session-life.ts";
import { willOf } from "./wills.ts";

/** A step of `connect`. It may use what earlier steps have set. */
export type Step = (opening: Opening) => Promise<void> | void;

/** A connection that is being opened, and what the steps have found out so far. */
export class Opening {
  readonly connection: Connection;
  readonly packet: Connect;
  /** The packet as events show it. */
  readonly packetText: string;
  /** Set by `identify`. */
  identified!: IdentifiedDevice;
  /** Set by `chooseClientId`. */
  clientId!: string;
  space!: HubNamespace;
  /** Set by `takeWill`. */
  access!: AccessFilters;
  will!: StoredWill | null;
  /** Set by `storeConnected`. */
  standing!: AdmissionBasis;
  claimed!: ClaimedSession;
  /** Undoes what `storeConnected` stored; cleared by `open`. */
  abandon: (() => void) | undefined;

  constructor(connection: Connection, packet: Connect, packetText: string) {
    this.connection = connection;
    this.packet = packet;
    this.packetText = packetText;
  }

  /** Emits an event about the device to its hub. */
  emit(msg: string, more: Partial<HubEvent> = {}): void {
    const { device, hub, secure: proved } = this.identified;
    const about = { severity: "error", objectType: "device", objectId: device.id, packet: this.packetText } as const;
    this.connection.context.events.emit(hub.id, { ...about, proved, msg, ...more });
  }

  refuse(reasonCode: ReasonCode, text: string): void {
    refuseConnect(this.connection, this.packet.protocolVersion, reasonCode, text);
  }
}

export function checkProtocol({ connection, packet }: Opening): void {
  if (!connection.context.deps.config.mqttLevels.includes(packet.protocolVersion)) {
    const text = "this protocol version is not spoken here";
    throw new ProtocolError(REASON.unsupportedProtocolVersion, text, "MQTT-3.1.2-2");
  }
  if (packet.properties?.authenticationMethod !== undefined) {
    throw new ProtocolError(REASON.badAuthenticationMethod, "no authentication method is supported", "MQTT-4.12.0-1");
  }
}

/** Finds the device, and refuses one that is not permitted here. */
export async function identify(opening: Opening): Promise<void> {
  const { connection, packet } = opening;
  const { context, socket } = connection;
  const identified = await identifyDevice(context.deps, {
    certificates: socket.certificates,
    clientId: packet.clientId,
    userName: packet.username ?? null,
    password: packet.password ?? null,
    peer: socket.peer,
  });
  if (isRefusal(identified)) refuseDevice(opening, identified);
  else opening.identified = identified;
}

/** The reason code of each refusal (specification 5.2, rule 8); MQTT 3 has 0x04 for the first and 0x05 for the rest. */
const REASON_CODES: Record<RefusalReason, ReasonCode> = {
  unidentified: REASON.badUserNameOrPassword,
  bad_token: REASON.notAuthorized,
  insecure: REASON.notAuthorized,
  bad_certificate: REASON.notAuthorized,
  hub_not_ready: REASON.notAuthorized,
  device_disabled: REASON.notAuthorized,
  hub_full: REASON.quotaExceeded,
};

function refuseDevice(opening: Opening, refusal: Refusal): void {
  const { hubId, deviceId, event, reason, proved = false } = refusal;
  const { context, socket } = opening.connection;
  const { peer } = socket;
  context.deps.log.caused("info", "mqtt.refused", peerKey(peer), { peer, device: deviceId, reason });
  if (hubId !== null) {
    const about = { severity: "error", objectType: "device", objectId: deviceId, msg: event, proved } as const;
    context.events.emit(hubId, { ...about, packet: opening.packetText });
  }
  opening.refuse(REASON_CODES[reason], event);
}

/** Refuses a connection beyond what its account may have. */
export function countConnection(opening: Opening): void {
  const { connection, packetText, identified } = opening;
  const { device, hub } = identified;
  if (connection.socket.identified(device.accountId)) return;
  const msg = "the account has too many connections";
  const about = { severity: "error", objectType: "device", objectId: device.id, msg } as const;
  connection.context.events.emit(hub.id, { ...about, packet: packetText });
  opening.refuse(REASON.quotaExceeded, msg);
}

export function announceProvisioned(opening: Opening): void {
  const { device, provisioned } = opening.identified;
  if (!provisioned) return;
  const sourceAddress = opening.connection.socket.peer;
  opening.emit("device was auto-provisioned", { severity: "info", objectName: device.name, sourceAddress });
}

/** Refuses what the shared plan does not support (specification 5.3). */
export function checkPlan(opening: Opening): void {
  const refusal = planOf(opening)?.refusesConnect(opening.packet);
  if (!refusal) return;
  opening.emit(refusal);
  opening.refuse(REASON.notAuthorized, refusal);
}

const planOf = ({ connection, identified }: Opening) =>
  planLimitsOf(identified.hub, connection.context.deps.config.mqttPlanLimits);

/**
 * A device is one client, unless it may have several connections; these choose their own client identifiers (specification
 * 5.2, rule 3). The shared plan has no such devices (5.3).
 */
export function chooseClientId(opening: Opening): void {
  const { connection, packet, identified } = opening;
  const { device, hub } = identified;
  const isSeveral = planOf(opening) === undefined && device.allowMultipleConnections;
  opening.clientId = isSeveral ? packet.clientId || connection.context.deps.random.uuid() : device.id;
  opening.space = connection.context.hubs.space(hub);
}

/** Reads the will, and checks that the device may publish it. */
export function takeWill(opening: Opening): void {
  const { connection, packet, identified } = opening;
  const { device, hub, secure } = identified;
  opening.access = accessOf(connection.context, device, hub, secure);
  opening.will = willOf(packet, { access: opening.access, hub, say: (msg) => opening.emit(msg) });
}

/**
 * Stores that the device is connected, and claims the client's session: both or, if one of them fails or the client has
 * disconnected by then, neither.
 */
export async function storeConnected(opening: Opening): Promise<void> {
  const { connection, packet, identified, clientId, space, will } = opening;
  const { context } = connection;
  const { device } = identified;
  const actor: DeviceActor = { kind: "device", accountId: device.accountId, deviceId: device.id };
  const standing = admissionBasisOf(identified);
  const arrival = context.presence.arrived(connection, actor, standing, journalled(opening));
  const claiming = claimSession(connection, space, {
    clientId,
    deviceId: device.id,
    cleanStart: packet.clean,
    expiryIntervalS: expiryOf(packet),
    will,
  });
  const [arrived, claimed] = await Promise.allSettled([arrival, claiming]);
  const departure = arrived.status === "fulfilled" ? arrived.value : null;
  opening.abandon = () => {
    context.leaving(context.presence.left(actor, connection, departure?.event ?? "connection was not opened"));
    abandonSession(context, connection, { space, deviceId: device.id, clientId });
  };
  if (claimed.status === "rejected") throw claimed.reason;
  if (arrived.status === "rejected") throw arrived.reason;
  if (departure) opening.refuse(REASON.notAuthorized, departure.event);
  opening.standing = standing;
  opening.claimed = claimed.value;
}

/** The connection as the journal shows it: with the client identifier that the client sent. */
const journalled = ({ connection: { socket }, packet, clientId }: Opening): DeviceConnection => ({
  clientId: packet.clientId || clientId,
  transport: socket.transport,
  peer: socket.peer,
  level: packet.protocolVersion,
});

/** How long the session outlives the connection: MQTT 3 keeps it or not (3.1.2.4 of 3.1.1), MQTT 5 sets a time (3.1.2.11.2). */
function expiryOf({ protocolVersion, clean, properties }: Connect): number {
  if (protocolVersion < 5) return clean ? 0 : SESSION_EXPIRY_MAX_S;
  return Math.min(properties?.sessionExpiryInterval ?? 0, SESSION_EXPIRY_MAX_S);
}

export function open(opening: Opening): void {
  const { connection, packet } = opening;
  connection.opened(makeClient(connection, packet, opening));
  opening.abandon = undefined;
  connection.context.metrics.connected(packet.protocolVersion, connection.socket);
}

/** CONNACK is the first packet [MQTT-3.2.0-1]. */
export function sendConnack({ connection, packet, claimed }: Opening): void {
  const { client, context } = connection;
  const { config } = context.deps;
  connection.send(
    acceptance({
      connect: packet,
      sessionPresent: claimed.present,
      assignedClientIdentifier: packet.clientId === "" ? client.clientId : undefined,
      sessionExpiryIntervalS: client.session.expiryIntervalS,
      keepAliveS: keepAliveOf(packet, config.mqttKeepAliveMaxS),
      packetBytesMax: config.mqttPacketBytesMax,
    }),
  );
}

/** Sends what the session has queued, and from now on what arrives for it. */
export function sendQueued({ connection }: Opening): void {
  const { client } = connection;
  client.session.connection = connection;
  client.outgoing.pump();
}

/** Applies device and hub changes that arrived while connecting. */
export function applyChanges({ connection }: Opening): void {
  applyMissedChanges(connection.context, connection);
}

/** Reads what the client has sent meanwhile. */
export function readOn({ connection }: Opening): void {
  connection.inbound.readOn();
}
