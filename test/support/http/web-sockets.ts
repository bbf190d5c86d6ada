import type { Cidr } from "../../../src/kernel/address.ts";
import type { DeviceDoor } from "../../../src/platform/device-door.ts";
import { serveHttp } from "../../../src/platform/http.ts";
import type { TlsPair } from "../../../src/platform/tls.ts";
import { webSockets } from "../../../src/platform/websocket.ts";

type Options = {
  trustedProxies?: Cidr[];
  clientAddressHeader?: string;
  packetBytesMax?: number;
  pingSeconds?: number;
  tls?: TlsPair;
};

/** An HTTP server for WebSockets only, which answers any other request with a text. */
export function serveWebSockets(door: DeviceDoor, { tls, ...options }: Options = {}) {
  const sockets = webSockets(door, { trustedProxies: [], packetBytesMax: 4_259_840, ...options });
  const server = serveHttp({ host: "127.0.0.1", port: 0 }, () => new Response("plain"), {
    webSockets: sockets,
    ...(tls && { tls }),
  });
  return { port: server.port, stop: () => void server.stop(0) };
}
