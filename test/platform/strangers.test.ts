import { expect, test } from "bun:test";
import { HandshakeRate } from "../../src/platform/handshake-rate.ts";
import { listenTcp } from "../../src/platform/tcp.ts";
import { openEchoDoor } from "../support/http/echo-door.ts";
import { dialTcp, dialWebSocket } from "../support/http/raw-wires.ts";
import { serveWebSockets } from "../support/http/web-sockets.ts";

const SILENT = 60;

for (const transport of ["tcp", "websocket"] as const) {
  test(`silent connections by ${transport} are evicted for later ones`, async () => {
    const echo = openEchoDoor({ known: false, connectionsMax: 40 });
    const listener = listenTcp({ host: "127.0.0.1", port: 0 }, echo.door);
    const server = serveWebSockets(echo.door);
    const dial = () => (transport === "tcp" ? dialTcp(listener.port) : dialWebSocket(server.port));
    const wires = [];
    for (let i = 0; i < SILENT; i++) wires.push(await dial());
    await Promise.all(wires.slice(0, SILENT - 10).map(({ closed }) => closed));
    for (const wire of wires.slice(-10)) {
      wire.send(Buffer.from("hello"));
      expect((await wire.until(5)).toString()).toBe("hello");
    }
    for (const { socket } of wires) socket.destroy();
    listener.stop();
    server.stop();
    await echo.door.close(1000);
    expect(echo.faults).toEqual([]);
  });
}

test("an address may begin 100 TLS handshakes a second, and 200 at once; other addresses are not limited by it", () => {
  let now = 0;
  const rate = new HandshakeRate(() => now);
  const take = (origin: string, count: number) =>
    Array.from({ length: count }, () => rate.take(origin)).filter(Boolean).length;
  expect([take("flood", 1000), take("home", 5)]).toEqual([200, 5]);
  now += 500;
  expect(take("flood", 1000)).toBe(50);
  now += 60_000;
  expect(take("flood", 1000)).toBe(200);
});
