import type { AdmissionBasis } from "../../hub/admission/admission-basis.ts";
import type { IdentifiedDevice } from "../../hub/registry/identity.ts";
import type { DeviceActor } from "../../kernel/actor.ts";
import { TokenBucket } from "../../kernel/token-bucket.ts";
import { KeepAlive, keepAliveOf } from "../flow/keep-alive.ts";
import { Sender } from "../flow/sender.ts";
import { AliasMemory, IncomingAliases } from "../flow/topic-aliases.ts";
import {
  CLEAN_QUEUED_BYTES_MAX,
  CLEAN_QUEUED_MESSAGES_MAX,
  HUB_QUEUED_BYTES_MAX,
  IN_FLIGHT_MAX,
  READY_BYTES_MAX,
  REFILL_MESSAGES,
} from "../limits.ts";
import type { AccessFilters } from "../matching/access-filters.ts";
import { TwinRequests } from "../twins/twin-topics.ts";
import { OutboundMessage } from "../wire/outbound-message.ts";
import { type Connect, type Level, REASON } from "../wire/packets.ts";
import type { Connection } from "./connection.ts";
import type { HubNamespace } from "./hub-namespace.ts";
import { OutgoingQueue, type OutgoingQueuePort } from "./outgoing.ts";
import type { ClaimedSession, Session } from "./session.ts";
import { storedQueue } from "./stored-queue.ts";

/** The client of an open connection, and its state for as long as the connection lasts. */
export type Client = {
  readonly level: Level;
  /** Chosen by the client, or assigned by the server. */
  readonly clientId: string;
  readonly deviceId: string;
  readonly actor: DeviceActor;
  /** What the admission was based on. */
  readonly standing: AdmissionBasis;
  readonly hub: HubNamespace;
  readonly session: Session;
  readonly sender: Sender;
  readonly outgoing: OutgoingQueue;
  readonly aliases: IncomingAliases;
  readonly keepAlive: KeepAlive | null;
  /** Limits what the device publishes, over all its connections. */
  readonly rate: TokenBucket | null;
  readonly twin: TwinRequests;
  /** QoS 1 messages published by the client that are not acknowledged yet. */
  unacknowledged: number;
  /** What the device may publish and receive; replaced when the device changes. */
  access: AccessFilters;
  /** The session's queue in the store, if it has one. */
  readonly stored: ReturnType<typeof storedQueue> | null;
};

type Admitted = {
  identified: IdentifiedDevice;
  space: HubNamespace;
  claimed: ClaimedSession;
  access: AccessFilters;
  standing: AdmissionBasis;
  clientId: string;
};

/** The largest possible packet: a fixed header and the longest remaining length. */
const PACKET_BYTES_MAX = 268_435_460;

export function makeClient(connection: Connection, packet: Connect, admitted: Admitted): Client {
  const { deps, metrics } = connection.context;
  const { identified, space: hub, claimed, access, standing, clientId } = admitted;
  const { device } = identified;
  const { session } = claimed;
  const level = packet.protocolVersion;
  const capabilities = {
    level,
    packetBytesMax: packet.properties?.maximumPacketSize ?? PACKET_BYTES_MAX,
    topicAliasMaximum: packet.properties?.topicAliasMaximum ?? 0,
    problemInformation: packet.properties?.requestProblemInformation ?? true,
  };
  const actor: DeviceActor = { kind: "device", accountId: device.accountId, deviceId: device.id };
  const aliasMemory = new AliasMemory(connection.memory);
  const aliases = new IncomingAliases(aliasMemory);
  const sender = new Sender(capabilities, metrics.sent, aliasMemory);
  const stored = claimed.queue && storedQueue(connection, actor, claimed.queue);
  const limits = {
    inFlight: Math.min(packet.properties?.receiveMaximum ?? IN_FLIGHT_MAX, IN_FLIGHT_MAX),
    messages: stored ? REFILL_MESSAGES : CLEAN_QUEUED_MESSAGES_MAX,
    bytes: stored ? READY_BYTES_MAX : CLEAN_QUEUED_BYTES_MAX,
  };
  const outgoing = new OutgoingQueue(portOf(connection, hub), limits, stored);
  const keepAliveS = keepAliveOf(packet, deps.config.mqttKeepAliveMaxS);
  const perSecond = deps.config.mqttMessagesPerSecondMax;
  return {
    level,
    clientId,
    deviceId: device.id,
    actor,
    standing,
    hub,
    session,
    sender,
    outgoing,
    stored,
    access,
    aliases,
    unacknowledged: 0,
    keepAlive: keepAliveS ? new KeepAlive(deps.clock, keepAliveS, () => connection.onKeepAliveTimeout()) : null,
    rate: perSecond === null ? null : rateOf(connection, device.id, perSecond),
    twin: new TwinRequests(deps, {
      level,
      deviceId: device.id,
      hubId: hub.id,
      actor,
      grantedQos: (topic) => (connection.mayReceive(topic) ? session.grantedQos(topic) : undefined),
      deliver: (message, qos) => connection.outbound.answer(new OutboundMessage(message, deps.clock.now()), qos),
    }),
  };
}

/** All connections of a device share one bucket. */
function rateOf({ context }: Connection, deviceId: string, perSecond: number): TokenBucket {
  for (const { state, client } of context.presence.of(deviceId))
    if (state === "open" && client.rate) return client.rate;
  return new TokenBucket({ burst: perSecond, perSecond }, context.deps.clock.now());
}

const portOf = (connection: Connection, hub: HubNamespace): OutgoingQueuePort => ({
  now: () => connection.context.deps.clock.now(),
  isBehind: (bytes) => {
    if (!connection.outbound.isBehindFor(bytes)) return false;
    // Nothing is being sent, so no drain event would announce room: retry after a delay.
    if (!connection.outbound.isBehind && connection.socket.bufferedBytes === 0) connection.outbound.pumpLater(false);
    return true;
  },
  mayReceive: (topic) => connection.mayReceive(topic),
  publish: (message, header) => connection.outbound.publish(message, header),
  release: (messageId, known) =>
    connection.send({
      cmd: "pubrel",
      messageId,
      reasonCode: known ? REASON.success : REASON.packetIdentifierNotFound,
    }),
  hasRoom: (bytes) => hub.queuedBytes < HUB_QUEUED_BYTES_MAX && hub.memory.hasRoom("queued", bytes),
  queued: (bytes) => {
    hub.queuedBytes += bytes;
    hub.memory.add("queued", bytes);
  },
  pumpLater: (soon) => connection.outbound.pumpLater(soon),
});
