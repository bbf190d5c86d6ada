import type { Deps } from "../deps.ts";
import { formatAddress } from "../kernel/address.ts";
import { describeError } from "../kernel/failure.ts";
import { descriptorLimit } from "../platform/descriptors.ts";
import { DeviceDoor } from "../platform/device-door.ts";
import type { AcceptDevice } from "../platform/device-socket.ts";
import { listenTcp } from "../platform/tcp.ts";
import { listenTls } from "../platform/tls.ts";
import { webSockets } from "../platform/websocket.ts";
import type { ServerCertificate } from "./server-certificate.ts";

/** A handshake takes two round trips; the slowest mobile networks need a few seconds for them. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** `mqtt.full` is logged at most once in this time, however many connections are refused. */
const REFUSED_LOG_MS = 60_000;
const REFUSED = {
  name: "twinpost_mqtt_turned_away_total",
  help: "Device connections that were refused or evicted, because there were too many.",
};

/**
 * The configured device listeners: TCP, TLS, and what the HTTP server needs for WebSockets. None accepts connections
 * before `listen`.
 */
export function openDevices(deps: Deps, accept: AcceptDevice, certificate: ServerCertificate | null) {
  const { config, log } = deps;
  const door = new DeviceDoor(accept, {
    connectionsMax: config.mqttConnectionsMax,
    roomMax: roomMax(deps),
    trustedProxies: config.trustedProxies,
    onRefused: refusedLog(deps),
    onFault: (error) => log.error("mqtt.failed", { error: describeError(error) }),
  });
  const listeners: { scheme: string; host: string; port: number; stop(): void }[] = [];
  const { trustedProxies, clientAddressHeader, mqttPacketBytesMax: packetBytesMax } = config;
  return {
    webSockets: webSockets(door, { trustedProxies, clientAddressHeader, packetBytesMax }),
    /** Resolves with the addresses as URLs. */
    async listen(): Promise<string[]> {
      const { mqtt, mqtts } = config;
      if (mqtt) listeners.push({ scheme: "mqtt", host: mqtt.host, ...listenTcp(mqtt, door) });
      if (mqtts && certificate) {
        const options = { tls: certificate.pair, handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS };
        const listener = await listenTls(mqtts, door, options);
        certificate.servedBy(listener);
        listeners.push({ scheme: "mqtts", host: mqtts.host, ...listener });
      }
      return listeners.map(({ scheme, ...address }) => `${scheme}://${formatAddress(address)}`);
    },
    /** Stops accepting connections; open ones stay. */
    stopListening(): void {
      for (const listener of listeners) listener.stop();
    },
    /** Ends every connection of every transport, within this time. */
    close: (drainMs: number) => door.close(drainMs),
  };
}

/**
 * The share of descriptors that devices may use. The rest is for API callers, webhooks, and reading the certificate
 * again.
 */
const DESCRIPTORS_PART = 3 / 4;

function roomMax({ config, log }: Deps): number {
  const limit = descriptorLimit();
  if (limit === null) return config.mqttConnectionsMax;
  const room = Math.floor(limit * DESCRIPTORS_PART);
  if (room < config.mqttConnectionsMax) {
    log.info("mqtt.few_descriptors", {
      descriptors: limit,
      connections: room,
      connectionsMax: config.mqttConnectionsMax,
    });
  }
  return room;
}

function refusedLog({ clock, log, config, metrics }: Deps): () => void {
  const total = metrics.counter(REFUSED);
  let refused = 0;
  let quietUntil = 0;
  return () => {
    refused += 1;
    total.add();
    if (clock.now() < quietUntil) return;
    log.warn("mqtt.full", { connectionsMax: config.mqttConnectionsMax, refused });
    refused = 0;
    quietUntil = clock.now() + REFUSED_LOG_MS;
  };
}
