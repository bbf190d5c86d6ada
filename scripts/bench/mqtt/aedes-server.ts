import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { Aedes } from "aedes";
import { createWebSocketStream, WebSocketServer } from "ws";

// The JavaScript broker that exists, as its documentation starts it, over TCP and WebSocket, on the runtime that ours has. Started by
// `brokers.ts` as a process of its own. The `ws` is the one that the runtime brings.

const aedes = await Aedes.createBroker();
const tcp = createServer({ noDelay: true }, (socket) => void aedes.handle(socket));
const http = createHttpServer();
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false, handleProtocols: () => "mqtt" });
sockets.on("connection", (socket, request) => void aedes.handle(createWebSocketStream(socket), request));

const listening = (server: typeof tcp | typeof http) =>
  new Promise<number>((done) => {
    server.listen(0, "127.0.0.1", () => done((server.address() as AddressInfo).port));
  });
process.stdout.write(`${await listening(tcp)} ${await listening(http)}\n`);
