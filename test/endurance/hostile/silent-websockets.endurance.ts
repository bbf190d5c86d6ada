import { expect, test } from "bun:test";
import { openEchoDoor } from "../../support/http/echo-door.ts";
import { dialWebSocket, OPCODE } from "../../support/http/raw-wires.ts";
import { serveWebSockets } from "../../support/http/web-sockets.ts";

// Takes real time: the runtime's own timers are tested.

test("a silent WebSocket outlives every idle timeout of the runtime", async () => {
  const echo = openEchoDoor();
  const server = serveWebSockets(echo.door);
  const wire = await dialWebSocket(server.port);
  await Bun.sleep(150_000);
  wire.send(Buffer.from("?"));
  await wire.until(1);
  expect(wire.control.length).toBe(0);
  wire.socket.destroy();
  server.stop();
}, 180_000);

test("silent peers are pinged, active ones are not", async () => {
  const echo = openEchoDoor();
  const server = serveWebSockets(echo.door, { pingSeconds: 2 });
  const [silent, talking] = [await dialWebSocket(server.port), await dialWebSocket(server.port)];
  const talk = setInterval(() => talking.send(Buffer.from("x")), 200);
  await Bun.sleep(8_000);
  clearInterval(talk);
  expect(silent.control.map(({ opcode }) => opcode)).toContain(OPCODE.ping);
  expect(silent.control.length).toBeLessThan(8);
  expect(talking.control.length).toBe(0);
  for (const { socket } of [silent, talking]) socket.destroy();
  server.stop();
}, 30_000);
