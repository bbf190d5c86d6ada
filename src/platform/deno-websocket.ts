import { type Carrier, DeviceConnection, FULL, LOST } from "./device-connection.ts";
import type { DenoAddress, DenoRuntime } from "./runtime.ts";
import {
  CLOSE_NORMAL,
  CLOSE_UNSUPPORTED_DATA,
  PING_SECONDS,
  peerOf,
  REFUSALS,
  subprotocolOf,
  type webSockets,
} from "./websocket.ts";

/**
 * Maximum number of bytes that are given to the runtime at a time. It does not report when it has sent them, so its
 * buffer is polled.
 */
const UNSENT_BYTES_MAX = 64 * 1024;
const ASK_MS = 5;
const CLOSE_TOO_LARGE = 1009;

type Socket = { readonly raw: WebSocket; connection?: DeviceConnection<Socket> };

const carrier = (transport: "websocket" | "secure_websocket"): Carrier<Socket> => ({
  transport,
  write(socket, bytes) {
    const { raw } = socket;
    if (raw.readyState !== WebSocket.OPEN) return LOST;
    raw.send(bytes as Uint8Array<ArrayBuffer>);
    if (raw.bufferedAmount <= UNSENT_BYTES_MAX) return bytes.length;
    setTimeout(() => askWhetherSent(socket), ASK_MS);
    return FULL;
  },
  bufferedBytes: ({ raw }) => raw.bufferedAmount,
  finish: ({ raw }) => raw.close(CLOSE_NORMAL),
  destroy: ({ raw }) => raw.close(),
  // The runtime cannot stop reading.
  pause() {},
  resume() {},
});
const PLAIN = carrier("websocket");
const SECURE = carrier("secure_websocket");

function askWhetherSent(socket: Socket): void {
  const { raw, connection } = socket;
  if (raw.readyState === WebSocket.CLOSED) return;
  if (raw.bufferedAmount === 0) connection?.writable();
  else setTimeout(() => askWhetherSent(socket), ASK_MS);
}

/** MQTT over WebSocket on Deno, which pings silent peers itself. */
export function upgradeOnDeno(
  deno: DenoRuntime,
  { door, trust, frameBytesMax = Number.POSITIVE_INFINITY }: ReturnType<typeof webSockets>,
  request: Request,
  from: DenoAddress,
  overTls: boolean,
): Response {
  const protocol = subprotocolOf(request.headers);
  if (!protocol) return REFUSALS.subprotocol();
  // The request has no headers any more after the upgrade.
  const address = { address: from.hostname, port: from.port };
  const { host, peer, secure } = peerOf(address, request.headers, trust, overTls);
  const opened: { raw?: WebSocket } = {};
  const place = door.enter(host, () => opened.raw?.close());
  if (!place) return REFUSALS.room();
  let upgraded: ReturnType<DenoRuntime["upgradeWebSocket"]>;
  try {
    upgraded = deno.upgradeWebSocket(request, { protocol, idleTimeout: PING_SECONDS });
  } catch {
    place.leave();
    return REFUSALS.handshake();
  }
  const { socket: raw, response } = upgraded;
  opened.raw = raw;
  const socket: Socket = { raw };
  const connection = new DeviceConnection(door, secure ? SECURE : PLAIN, socket, { place, peer });
  socket.connection = connection;
  raw.binaryType = "arraybuffer";
  raw.onopen = () => connection.start();
  raw.onmessage = ({ data }) => {
    // MQTT is binary [MQTT-6.0.0-1].
    if (typeof data === "string") raw.close(CLOSE_UNSUPPORTED_DATA, "MQTT packets come in binary frames");
    else if (data.byteLength > frameBytesMax) raw.close(CLOSE_TOO_LARGE);
    else connection.received(new Uint8Array(data));
  };
  // A close event follows.
  raw.onerror = () => undefined;
  raw.onclose = () => {
    connection.closed();
    place.leave();
  };
  return response;
}
