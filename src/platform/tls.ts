import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer, type DetailedPeerCertificate, type SecureContextOptions, type TLSSocket } from "node:tls";
import { type Address, formatAddress } from "../kernel/address.ts";
import { type Carrier, DeviceConnection, FULL } from "./device-connection.ts";
import type { DeviceDoor, DeviceListener } from "./device-door.ts";
import { listenError } from "./listen-error.ts";
import type { Place } from "./places.ts";
import { KEEP_ALIVE_MS } from "./tcp.ts";

/** A certificate with its chain, and its key, as PEM. */
export type TlsPair = { certPem: string; keyPem: string };

type Options = {
  tls: TlsPair;
  /** A handshake that takes longer is aborted. */
  handshakeTimeoutMs: number;
};

type TlsListener = DeviceListener & {
  /** Applies to new handshakes; open connections stay. */
  setCertificate(pair: TlsPair): void;
};

/** The longest chain that is passed on; a client may send any number of certificates. */
const CERTIFICATES_MAX = 8;

const TLS: Carrier<TLSSocket> = {
  transport: "tls",
  write: (socket, bytes) => (socket.write(bytes) ? bytes.length : FULL),
  bufferedBytes: (socket) => socket.writableLength,
  finish: (socket) => socket.end(),
  destroy: (socket) => socket.destroy(),
  pause: (socket) => socket.pause(),
  resume: (socket) => socket.resume(),
};

/**
 * MQTT over TLS 1.2 and 1.3. A client is asked for a certificate and accepted with any or none: at this point it has
 * only been proven that the client has the key of the first one.
 */
export async function listenTls(address: Address, door: DeviceDoor, options: Options): Promise<TlsListener> {
  const server = createServer({
    ...contextOf(options.tls),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeTimeoutMs,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  // Before the handshake, so that unfinished ones count.
  const entered = new Map<string, Place>();
  server.on("connection", (raw) => {
    const host = raw.remoteAddress ?? "";
    const place = door.mayHandshake(host) ? door.enter(host, () => raw.destroy()) : undefined;
    if (!place) {
      raw.destroy();
      return;
    }
    const peer = peerOf(raw);
    entered.set(peer, place);
    raw.once("close", () => {
      if (entered.get(peer) === place) entered.delete(peer);
      place.leave();
    });
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("secureConnection", (socket) => {
    const place = entered.get(peerOf(socket));
    // The place may have been evicted for another connection meanwhile.
    if (place) open(socket, door, place);
    else socket.destroy();
  });
  server.listen(address.port, address.host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw listenError(address, cause);
  }
  const { port } = server.address() as { port: number };
  return {
    port,
    stop: () => void server.close(),
    setCertificate: (pair) => server.setSecureContext(contextOf(pair)),
  };
}

const contextOf = ({ certPem, keyPem }: TlsPair): SecureContextOptions => ({
  cert: certPem,
  key: keyPem,
  minVersion: "TLSv1.2",
});

const peerOf = ({ remoteAddress = "", remotePort = 0 }: Pick<Socket, "remoteAddress" | "remotePort">) =>
  formatAddress({ host: remoteAddress, port: remotePort });

function open(socket: TLSSocket, door: DeviceDoor, place: Place): void {
  const peer = peerOf(socket);
  const connection = new DeviceConnection(door, TLS, socket, { place, peer }, certificatesOf(socket));
  socket.on("data", (bytes: Uint8Array) => connection.received(bytes));
  socket.on("drain", () => connection.writable());
  socket.on("end", () => connection.end());
  socket.on("close", () => connection.closed());
  // A close event follows.
  socket.on("error", () => {});
  connection.start();
}

/** In the order sent, the client's own first. The last of a chain names itself as its issuer. */
function certificatesOf(socket: TLSSocket): Uint8Array[] {
  const found = new Set<DetailedPeerCertificate>();
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw && !found.has(next) && found.size < CERTIFICATES_MAX) {
    found.add(next);
    next = next.issuerCertificate;
  }
  return [...found].map(({ raw }) => new Uint8Array(raw));
}
