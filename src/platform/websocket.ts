import { type Address, formatAddress } from "../kernel/address.ts";
import { clientAddress, type ProxyTrust } from "../kernel/client-address.ts";
import { type Carrier, DeviceConnection, FULL, LOST } from "./device-connection.ts";
import type { DeviceDoor } from "./device-door.ts";
import type { Place } from "./places.ts";

type Options = ProxyTrust & {
  /** The largest packet. A frame may be as large, or larger, since it may contain many packets. */
  packetBytesMax: number;
  /** Every silent connection is pinged once within this time. */
  pingSeconds?: number;
};

/** What is known of a connection when it is upgraded. */
export type Upgraded = {
  peer: string;
  secure: boolean;
  place: Place;
  socket?: Socket;
  connection?: DeviceConnection<Socket>;
  silent: boolean;
};
type Socket = Bun.ServerWebSocket<Upgraded>;

const SUBPROTOCOLS = ["mqtt", "mqttv3.1"];
/** Even if the packet limit is small, one frame may contain many packets. */
const FRAME_BYTES_MIN = 1024 * 1024;
/**
 * Above its limit the runtime drops bytes silently. That never happens: nothing is given to it while it still buffers
 * some.
 */
const RUNTIME_BUFFER_BYTES = 1024 * 1024 * 1024;
export const CLOSE_NORMAL = 1000;
export const CLOSE_UNSUPPORTED_DATA = 1003;
export const PING_SECONDS = 300;

const carrier = (transport: "websocket" | "secure_websocket"): Carrier<Socket> => ({
  transport,
  write(socket, bytes) {
    const sent = socket.send(bytes);
    return sent > 0 ? bytes.length : sent < 0 ? FULL : LOST;
  },
  bufferedBytes: (socket) => socket.getBufferedAmount(),
  finish: (socket) => socket.close(CLOSE_NORMAL),
  destroy: (socket) => socket.terminate(),
  pause: (socket) => socket.pause(),
  resume: (socket) => socket.resume(),
});
const PLAIN = carrier("websocket");
const SECURE = carrier("secure_websocket");

/** MQTT over WebSocket, on any path [MQTT-6.0.0-1..4]. */
export function webSockets(door: DeviceDoor, options: Options) {
  const { packetBytesMax, pingSeconds = PING_SECONDS } = options;
  const trust: ProxyTrust = options;
  const pings = new Pings(pingSeconds);
  const handler: Bun.WebSocketHandler<Upgraded> = {
    maxPayloadLength: Math.max(packetBytesMax, FRAME_BYTES_MIN),
    backpressureLimit: RUNTIME_BUFFER_BYTES,
    closeOnBackpressureLimit: false,
    // MQTT has a keep alive of its own.
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    open(socket) {
      const { data } = socket;
      data.socket = socket;
      data.connection = new DeviceConnection(door, data.secure ? SECURE : PLAIN, socket, data);
      pings.add(socket);
      data.connection.start();
    },
    message(socket, message) {
      const { data } = socket;
      data.silent = false;
      if (typeof message === "string") {
        // MQTT is binary [MQTT-6.0.0-1].
        socket.close(CLOSE_UNSUPPORTED_DATA, "MQTT packets come in binary frames");
      } else data.connection?.received(message);
    },
    drain(socket) {
      if (socket.getBufferedAmount() === 0) socket.data.connection?.writable();
    },
    pong(socket) {
      socket.data.silent = false;
    },
    close(socket) {
      pings.delete(socket);
      socket.data.connection?.closed();
      socket.data.place.leave();
    },
  };

  /**
   * Handles an upgrade request; `overTls` if it came by TLS. Returns undefined if it was upgraded, else the refusal.
   */
  function upgrade(request: Request, server: Bun.Server<Upgraded>, overTls: boolean): Response | undefined {
    const { headers } = request;
    const subprotocol = subprotocolOf(headers);
    if (!subprotocol) return REFUSALS.subprotocol();
    const { host, ...from } = peerOf(server.requestIP(request), headers, trust, overTls);
    const place = door.enter(host, () => data.socket?.terminate());
    if (!place) return REFUSALS.room();
    const data: Upgraded = { ...from, place, silent: false };
    if (server.upgrade(request, { data, headers: { "sec-websocket-protocol": subprotocol } })) return undefined;
    place.leave();
    return REFUSALS.handshake();
  }

  return { handler, upgrade, stop: () => pings.stop(), door, trust, frameBytesMax: handler.maxPayloadLength };
}

/** The client's first offered subprotocol that this server supports. */
export function subprotocolOf(headers: Headers): string | undefined {
  const offered = (headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  return offered.find((name) => SUBPROTOCOLS.includes(name));
}

/** A handshake is a GET (RFC 6455, 4.1); reading the headers of every request would cost 2 us. */
export const asksForWebSocket = (request: Request): boolean =>
  request.method === "GET" && /(^|,)\s*websocket\s*(,|$)/i.test(request.headers.get("upgrade") ?? "");

const refusal = (status: number, text: string) =>
  new Response(`${text}\n`, { status, headers: { connection: "close" } });

export const REFUSALS = {
  subprotocol: () => refusal(400, "A WebSocket here speaks MQTT: offer the subprotocol mqtt or mqttv3.1."),
  room: () => refusal(503, "There are too many connections."),
  stopping: () => refusal(503, "The server is stopping."),
  handshake: () => refusal(400, "This is not a WebSocket handshake of version 13."),
};

export function peerOf(
  from: { address: string; port: number } | null,
  headers: Headers,
  trust: ProxyTrust,
  overTls: boolean,
) {
  const direct: Address = { host: from?.address ?? "", port: from?.port ?? 0 };
  const host = clientAddress(direct.host, headers, trust);
  if (host === direct.host) return { host, peer: formatAddress(direct), secure: overTls };
  // The proxy does not report the port. A proxy that is trusted for the address is trusted for the protocol too.
  return { host, peer: host, secure: headers.get("x-forwarded-proto") === "https" };
}

/**
 * Pings silent peers to check whether they are still there, as TCP's keep-alive does for other transports: for one that
 * is not, the system reports a broken connection. A few are pinged each second, never all at once.
 */
class Pings {
  readonly #sockets = new Set<Socket>();
  #turn = this.#sockets.values();
  /** How many should have been pinged by now; with few connections this grows by less than one a second. */
  #due = 0;
  readonly #timer = setInterval(() => this.#tick(), 1000).unref();
  readonly #seconds: number;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  add(socket: Socket): void {
    this.#sockets.add(socket);
  }

  delete(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.#due += this.#sockets.size / this.#seconds;
    for (; this.#due >= 1; this.#due -= 1) {
      const { value: socket } = this.#turn.next();
      if (!socket) {
        this.#turn = this.#sockets.values();
        continue;
      }
      if (socket.data.silent) socket.ping();
      socket.data.silent = true;
    }
  }
}
