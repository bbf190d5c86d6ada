import { expect, test } from "bun:test";
import { connect } from "node:net";
import { listenTcp } from "../../src/platform/tcp.ts";
import { openEchoDoor } from "../support/http/echo-door.ts";
import { dialTcp, dialWebSocket } from "../support/http/raw-wires.ts";
import { serveWebSockets } from "../support/http/web-sockets.ts";

const CONNECTIONS = 2_000;

test("2 000 simultaneous connections are all served and leave nothing behind", async () => {
  const echo = openEchoDoor({ connectionsMax: CONNECTIONS });
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, echo.door);
  const wires = await Promise.all(Array.from({ length: CONNECTIONS }, () => dialTcp(listener.port)));
  for (const wire of wires) wire.send(Buffer.from("hello"));
  await Promise.all(wires.map((wire) => wire.until(5)));
  expect(echo.refused()).toBe(0);
  for (const { socket } of wires) socket.destroy();
  await Promise.all(echo.connections.map(({ closed }) => closed));
  // A send that the system did not accept at once drains later.
  const stories = new Set(echo.connections.map(({ events }) => events.filter((event) => event !== "drain").join()));
  expect([...stories]).toEqual(["bytes 5,close"]);

  // All places are free again.
  const again = await dialTcp(listener.port);
  again.send(Buffer.from("x"));
  await again.until(1);
  again.socket.destroy();
  listener.stop();
});

test("connections that break off during a handshake leave nothing behind", async () => {
  const echo = openEchoDoor({ connectionsMax: 1 });
  const server = serveWebSockets(echo.door);
  for (let count = 0; count < 200; count += 1) {
    const socket = connect(server.port, "127.0.0.1").on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Pro");
    await new Promise((done) => socket.once("connect", done));
    socket.resetAndDestroy();
  }
  const wire = await dialWebSocket(server.port);
  wire.send(Buffer.from("x"));
  await wire.until(1);
  expect(echo.refused()).toBe(0);
  wire.socket.destroy();
  server.stop();
});
