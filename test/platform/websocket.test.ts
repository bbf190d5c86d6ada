import { expect, test } from "bun:test";
import ipaddr from "ipaddr.js";
import { openEchoDoor } from "../support/http/echo-door.ts";
import { dialWebSocket, frame, OPCODE } from "../support/http/raw-wires.ts";
import { serveWebSockets } from "../support/http/web-sockets.ts";

type Behaviour = Parameters<typeof openEchoDoor>[0];

function openWorld(options: Parameters<typeof serveWebSockets>[1] = {}, behaviour: Behaviour = {}) {
  const echo = openEchoDoor(behaviour);
  const server = serveWebSockets(echo.door, options);
  return {
    ...echo,
    port: server.port,
    dial: (handshake?: Parameters<typeof dialWebSocket>[1]) => dialWebSocket(server.port, handshake),
    async [Symbol.asyncDispose]() {
      server.stop();
      await echo.door.close(0);
      expect(echo.faults).toEqual([]);
    },
  };
}

const statusOf = (head: string) => Number(head.split(" ")[1]);
const headerOf = (head: string, name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1];
/** Resolves when everything sent before has been handled. */
const echoed = async (wire: Awaited<ReturnType<typeof dialWebSocket>>) => {
  const before = wire.bytes;
  wire.send(Buffer.from("?"));
  await wire.until(before + 1);
};

test("the first known subprotocol is chosen, in the client's order, on any path [MQTT-6.0.0-4]", async () => {
  await using world = openWorld();
  for (const [offered, chosen, path] of [
    ["mqtt", "mqtt", "/"],
    ["mqttv3.1", "mqttv3.1", "/mqtt"],
    ["mqttv3.1, mqtt", "mqttv3.1", "/whoami"],
    ["mqtt,mqttv3.1", "mqtt", "/a/b/c?d=e"],
    ["amqp, , mqtt", "mqtt", "/iot/v1/regions/fr-par/hubs"],
  ] as const) {
    const { head, socket } = await world.dial({
      path,
      subprotocols: offered,
      headers: { Origin: "https://elsewhere" },
    });
    expect([statusOf(head), headerOf(head, "sec-websocket-protocol")]).toEqual([101, chosen]);
    expect(head).not.toMatch(/sec-websocket-extensions/i);
    socket.destroy();
  }
});

test("without a known subprotocol there is no upgrade, and the response says why [MQTT-6.0.0-3]", async () => {
  await using world = openWorld();
  for (const subprotocols of ["", "amqp", "MQTT", "mqttv5"]) {
    const { head, closed } = await world.dial({ subprotocols });
    expect(statusOf(head)).toBe(400);
    await closed;
  }
  const response = await fetch(`http://127.0.0.1:${world.port}/`, { headers: { upgrade: "websocket" } });
  expect([response.status, await response.text()]).toEqual([
    400,
    "A WebSocket here speaks MQTT: offer the subprotocol mqtt or mqttv3.1.\n",
  ]);
  expect(world.connections).toEqual([]);
});

test("an invalid handshake is refused, and takes no place", async () => {
  await using world = openWorld({}, { connectionsMax: 1 });
  for (const [headers, status] of [
    [{ "Sec-WebSocket-Version": "8" }, 426],
    [{ "Sec-WebSocket-Key": "short" }, 400],
  ] as [Record<string, string>, number][]) {
    const { head, socket } = await world.dial({ headers });
    expect(statusOf(head)).toBe(status);
    socket.destroy();
  }
  const { head } = await world.dial();
  expect(statusOf(head)).toBe(101);
});

test("a connection beyond the limit is refused before it is upgraded", async () => {
  await using world = openWorld({}, { connectionsMax: 1 });
  await world.dial();
  expect(statusOf((await world.dial()).head)).toBe(503);
});

test("other requests and methods are served as usual", async () => {
  await using world = openWorld();
  for (const upgrade of ["h2c", "TLS/1.0", "websockets"]) {
    const response = await fetch(`http://127.0.0.1:${world.port}/`, { headers: { upgrade } });
    expect(await response.text()).toBe("plain");
  }
  const headers = { upgrade: "websocket", connection: "upgrade" };
  const posted = await fetch(`http://127.0.0.1:${world.port}/`, { method: "POST", headers });
  expect(await posted.text()).toBe("plain");
});

test("packets may span frames, and a frame may contain many [MQTT-6.0.0-2]", async () => {
  await using world = openWorld();
  const wire = await world.dial();
  wire.sendRaw(frame(OPCODE.binary, Buffer.from("in "), { final: false }));
  wire.sendRaw(frame(OPCODE.ping, Buffer.from("between")));
  wire.sendRaw(frame(OPCODE.continuation, Buffer.from("parts"), { final: true }));
  wire.send(new Uint8Array());
  wire.send(Buffer.from(", whole"));
  expect((await wire.until(15)).toString()).toBe("in parts, whole");
  expect(wire.control).toEqual([{ opcode: OPCODE.pong, payload: Buffer.from("between") }]);
  expect(new Set(wire.opcodes)).toEqual(new Set([OPCODE.binary]));
});

test("a text frame closes with 1003, after everything sent before [MQTT-6.0.0-1]", async () => {
  await using world = openWorld();
  const wire = await world.dial();
  wire.send(Buffer.from("before"));
  wire.sendRaw(frame(OPCODE.text, Buffer.from("text")));
  expect(await wire.closed).toBe(1003);
  expect(wire.bytes).toBe(6);
  expect(world.connections[0]?.events).toEqual(["bytes 6", "close"]);
});

test("a session that ends closes with 1000, and a client's own close is answered", async () => {
  await using world = openWorld();
  const first = await world.dial();
  await echoed(first);
  world.connections[0]?.socket.end();
  expect(await first.closed).toBe(1000);

  const second = await world.dial();
  await echoed(second);
  second.sendRaw(frame(OPCODE.close, Uint8Array.of(0x03, 0xe9)));
  expect(await second.closed).toBe(1001);
  await world.connections[1]?.closed;
  expect(world.connections[1]?.events).toEqual(["bytes 1", "close"]);
});

test("a frame as large as the largest packet is accepted, a larger message ends the connection", async () => {
  const packetBytesMax = 2 * 1024 * 1024;
  await using world = openWorld({ packetBytesMax });
  const wire = await world.dial();
  wire.send(new Uint8Array(packetBytesMax));
  await wire.until(packetBytesMax);
  wire.send(new Uint8Array(packetBytesMax + 1));
  await wire.closed;
  await world.connections[0]?.closed;
  expect(world.connections[0]?.events).toEqual([`bytes ${packetBytesMax}`, "close"]);

  const inParts = await world.dial();
  inParts.sendRaw(frame(OPCODE.binary, new Uint8Array(packetBytesMax), { final: false }));
  inParts.sendRaw(frame(OPCODE.continuation, new Uint8Array(1)));
  await inParts.closed;
  await world.connections[1]?.closed;
  expect(world.connections[1]?.events).toEqual(["close"]);
});

test("a frame with many packets is accepted, even if the packet limit is small", async () => {
  await using world = openWorld({ packetBytesMax: 1024 });
  const wire = await world.dial();
  wire.send(new Uint8Array(100_000));
  await wire.until(100_000);
});

test("invalid framing ends its own connection only", async () => {
  await using world = openWorld();
  const neighbour = await world.dial();
  for (const broken of [
    Uint8Array.of(0x82, 0x01, 0x41), // not masked
    Uint8Array.of(0xc2, 0x80, 0, 0, 0, 0), // compressed, which was not agreed
    Uint8Array.of(0x83, 0x80, 0, 0, 0, 0), // an opcode without meaning
    frame(OPCODE.ping, new Uint8Array(126)),
    frame(OPCODE.continuation, new Uint8Array(1)),
  ]) {
    const wire = await world.dial();
    wire.sendRaw(broken);
    await wire.closed;
    await world.connections.at(-1)?.closed;
    expect(world.connections.at(-1)?.events).toEqual(["close"]);
  }
  await echoed(neighbour);
});

test("a trusted proxy names a device's address, other proxies are not trusted", async () => {
  const trustedProxies = [ipaddr.parseCIDR("127.0.0.0/8")];
  const forwarded = { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" };
  const placeOf = async (trusted: typeof trustedProxies, headers: Record<string, string>) => {
    await using world = openWorld({ trustedProxies: trusted });
    const coming = world.next();
    await world.dial({ headers });
    const { socket } = await coming;
    return [socket.transport, socket.peer];
  };
  expect(await placeOf(trustedProxies, forwarded)).toEqual(["secure_websocket", "203.0.113.9"]);
  expect(await placeOf(trustedProxies, { "X-Forwarded-For": "203.0.113.9" })).toEqual(["websocket", "203.0.113.9"]);
  expect(await placeOf([], forwarded)).toEqual(["websocket", expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
});

test("a header that a trusted proxy sets names a device's address", async () => {
  const trustedProxies = [ipaddr.parseCIDR("127.0.0.0/8")];
  await using world = openWorld({ trustedProxies, clientAddressHeader: "fly-client-ip" });
  const fly = { "X-Forwarded-For": "203.0.113.9, 2a09:8280:1::af:1aa1:0", "X-Forwarded-Proto": "https" };
  for (const [headers, place] of [
    [{ ...fly, "Fly-Client-IP": "203.0.113.9" }, ["secure_websocket", "203.0.113.9"]],
    [{ ...fly, "Fly-Client-IP": "nonsense" }, ["websocket", expect.stringMatching(/^127\.0\.0\.1:\d+$/)]],
    [fly, ["websocket", expect.stringMatching(/^127\.0\.0\.1:\d+$/)]],
  ] as const) {
    const coming = world.next();
    await world.dial({ headers });
    const { socket } = await coming;
    expect([socket.transport, socket.peer]).toEqual([...place]);
  }
});
