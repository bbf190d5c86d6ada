import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { Aedes } from "aedes";
import { createWebSocketStream, WebSocketServer } from "ws";

// The aedes broker, started as its documentation does, over TCP and WebSocket, on our runtime. `brokers.ts` starts it
// as a process of its own. Its `ws` is the runtime's.

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
