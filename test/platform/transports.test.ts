import { expect, test } from "bun:test";
import { listenTcp } from "../../src/platform/tcp.ts";
import { listenTls } from "../../src/platform/tls.ts";
import { openAuthority } from "../support/http/certificates.ts";
import { type Echoed, openEchoDoor } from "../support/http/echo-door.ts";
import { dialTcp, dialTls, dialWebSocket, type Wire } from "../support/http/raw-wires.ts";
import { serveWebSockets } from "../support/http/web-sockets.ts";

// What a session layer may rely on, over any transport.

using authority = openAuthority();
const tls = await authority.pair("localhost");
const LOOPBACK = { host: "127.0.0.1", port: 0 };
type Door = ReturnType<typeof openEchoDoor>["door"];
type Transport = {
  name: string;
  listen(door: Door): Promise<{ port: number; stop(): unknown }>;
  dial(port: number): Promise<Wire>;
};
const TRANSPORTS: Transport[] = [
  { name: "tcp", listen: async (door) => listenTcp(LOOPBACK, door), dial: dialTcp },
  {
    name: "tls",
    listen: (door) => listenTls(LOOPBACK, door, { tls, handshakeTimeoutMs: 5_000 }),
    dial: dialTls,
  },
  { name: "websocket", listen: async (door) => serveWebSockets(door), dial: dialWebSocket },
  {
    name: "secure_websocket",
    listen: async (door) => serveWebSockets(door, { tls }),
    dial: (port) => dialWebSocket(port, { tls: {} }),
  },
];
const MIB = 1024 * 1024;

for (const { name, listen, dial } of TRANSPORTS) {
  /** A listener, one connection to it, and that connection as the session layer sees it. */
  async function connected(behaviour: Parameters<typeof openEchoDoor>[0] = {}) {
    const echo = openEchoDoor(behaviour);
    const listener = await listen(echo.door);
    const coming = echo.next();
    const wire = await dial(listener.port);
    const { socket, events, closed } = await coming;
    return {
      ...echo,
      port: listener.port,
      wire,
      socket,
      events,
      closed,
      async [Symbol.asyncDispose]() {
        wire.socket.destroy();
        await listener.stop();
        await echo.door.close(0);
        expect(echo.faults).toEqual([]);
      },
    };
  }
  const counts = (events: string[]) => events.filter((event) => event === "close").length;

  test(`${name}: bytes arrive in order, in pieces of any size`, async () => {
    await using world = await connected();
    const sent = Buffer.from("a packet, byte by byte");
    for (const byte of sent) world.wire.send(Uint8Array.of(byte));
    expect((await world.wire.until(sent.length)).toString()).toBe(sent.toString());
    expect(world.socket.transport).toBe(name as never);
    expect(world.socket.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(world.socket.certificates).toEqual([]);
  });

  test(`${name}: ten megabytes are returned whole to a peer that reads late`, async () => {
    await using world = await connected();
    const sent = pattern(10 * MIB);
    world.wire.socket.pause();
    for (let at = 0; at < sent.length; at += MIB) world.wire.send(sent.subarray(at, at + MIB));
    await turns(20);
    world.wire.socket.resume();
    expect((await world.wire.until(sent.length)).equals(sent)).toBe(true);
  });

  test(`${name}: unread bytes are counted, and arrive when the peer reads again`, async () => {
    await using world = await connected({ echo: false });
    world.wire.socket.pause();
    const sent = pattern(32 * MIB);
    for (let at = 0; at < sent.length; at += 1000) world.socket.send(sent.subarray(at, at + 1000));
    const buffered = world.socket.bufferedBytes;
    expect(buffered).toBeGreaterThan(16 * MIB);
    expect(buffered).toBeLessThanOrEqual(sent.length + 1024);
    expect(world.events).toEqual([]);
    world.wire.socket.resume();
    expect((await world.wire.until(sent.length)).equals(sent)).toBe(true);
    await settled(() => world.events.length > 0);
    expect(world.events).toEqual(["drain"]);
    expect(world.socket.bufferedBytes).toBe(0);
  });

  test(`${name}: an abort frees the buffer and closes at once`, async () => {
    await using world = await connected({ echo: false });
    world.wire.socket.pause();
    for (let count = 0; count < 32; count += 1) world.socket.send(new Uint8Array(MIB));
    world.socket.abort();
    expect(world.socket.bufferedBytes).toBe(0);
    expect(world.events).toEqual([]);
    await world.closed;
    world.socket.send(new Uint8Array(10));
    world.socket.end();
    world.socket.abort();
    world.wire.socket.resume();
    await world.wire.closed;
    expect(world.wire.bytes).toBeLessThan(32 * MIB);
    expect(world.events).toEqual(["close"]);
  });

  test(`${name}: a connection closes after everything sent, and sends nothing more`, async () => {
    await using world = await connected({ echo: false });
    world.wire.socket.pause();
    const sent = pattern(16 * MIB);
    world.socket.send(sent);
    world.socket.end();
    world.socket.send(Buffer.from("too late"));
    world.socket.end();
    await turns(5);
    expect(world.events).toEqual([]);
    world.wire.socket.resume();
    expect((await world.wire.until(sent.length)).equals(sent)).toBe(true);
    await Promise.all([world.closed, world.wire.closed]);
    expect(world.wire.bytes).toBe(sent.length);
    expect(world.events).toEqual(["close"]);
  });

  test(`${name}: a handler that has ended its connection receives no more bytes`, async () => {
    await using world = await connected();
    world.wire.send(Buffer.from("one"));
    await world.wire.until(3);
    world.socket.end();
    world.wire.send(Buffer.from("two"));
    await world.closed;
    expect(world.events).toEqual(["bytes 3", "close"]);
    await world.wire.closed;
    expect(world.wire.bytes).toBe(3);
  });

  test(`${name}: a peer's close is reported once`, async () => {
    await using world = await connected();
    world.wire.send(Buffer.from("hello"));
    await world.wire.until(5);
    world.wire.socket.end();
    await world.closed;
    world.socket.abort();
    await turns(5);
    expect(world.events).toEqual(["bytes 5", "close"]);
  });

  test(`${name}: a peer's reset is reported once, with much still to be sent`, async () => {
    await using world = await connected({ echo: false });
    world.wire.socket.pause();
    for (let count = 0; count < 16; count += 1) world.socket.send(new Uint8Array(MIB));
    world.wire.socket.resetAndDestroy();
    await world.closed;
    await turns(5);
    expect(counts(world.events)).toBe(1);
    expect(world.events.at(-1)).toBe("close");
    expect(world.socket.bufferedBytes).toBe(0);
  });

  test(`${name}: a connection ended inside the accept call is closed`, async () => {
    await using world = await connected({ onAccept: (socket) => socket.abort() });
    await Promise.all([world.closed, world.wire.closed]);
    expect(world.events).toEqual(["close"]);
  });

  test(`${name}: an exception of a session ends its own connection only`, async () => {
    const echo = openEchoDoor();
    let calls = 0;
    const listener = await listen(echo.door);
    const [first, second] = await Promise.all([dial(listener.port), dial(listener.port)]);
    await settled(() => echo.connections.length === 2);
    const victim = echo.connections[0] as Echoed;
    victim.events.push = () => {
      calls += 1;
      throw new Error("a bug");
    };
    first?.send(Buffer.from("x"));
    second?.send(Buffer.from("x"));
    await Promise.race([first?.closed, second?.closed]);
    expect(calls).toBeGreaterThan(0);
    expect(echo.faults[0]).toEqual(new Error("a bug"));
    const other = echo.connections[1] as Echoed;
    await settled(() => other.events.length > 0);
    expect(other.events).toEqual(["bytes 1"]);
    await Promise.all([listener.stop(), echo.door.close(0)]);
  });

  test(`${name}: no more connections than the limit, and a place is free after its connection ends`, async () => {
    await using world = await connected({ connectionsMax: 2 });
    const second = await dial(world.port);
    second.send(Buffer.from("x"));
    await second.until(1);
    const third = await dial(world.port).catch(() => undefined);
    await third?.closed;
    expect(third?.bytes ?? 0).toBe(0);
    expect(world.refused()).toBe(1);
    expect(world.connections.length).toBe(2);
    second.socket.destroy();
    await (world.connections[1] as Echoed).closed;
    await turns(5);
    const fourth = await dial(world.port);
    fourth.send(Buffer.from("x"));
    await fourth.until(1);
    fourth.socket.destroy();
  });

  test(`${name}: closing the door ends every connection, refuses new ones, and takes at most its time limit`, async () => {
    await using world = await connected({ echo: false });
    const stuck = await dial(world.port);
    await settled(() => world.connections.length === 2);
    stuck.socket.pause();
    const last = world.connections[1] as Echoed;
    for (let count = 0; count < 16; count += 1) last.socket.send(new Uint8Array(MIB));
    world.socket.send(Buffer.from("bye"));
    await world.door.close(50);
    expect(world.connections.map(({ events }) => events.at(-1))).toEqual(["close", "close"]);
    await Promise.all([world.closed, world.wire.closed, last.closed]);
    expect(world.wire.bytes).toBe(3);
    const late = await dial(world.port).catch(() => undefined);
    await late?.closed;
    expect(world.connections.length).toBe(2);
    stuck.socket.destroy();
  });
}

for (const { name, listen, dial } of TRANSPORTS.filter(({ name }) => !name.endsWith("websocket"))) {
  test(`${name}: a paused connection makes its peer wait until it is resumed`, async () => {
    const echo = openEchoDoor({ echo: false });
    const listener = await listen(echo.door);
    const coming = echo.next();
    const wire = await dial(listener.port);
    const { socket, events } = await coming;
    socket.pause();
    const sent = 64 * MIB;
    for (let count = 0; count < 64; count += 1) wire.send(new Uint8Array(MIB));
    await turns(50);
    const read = () => events.reduce((sum, event) => sum + Number(event.split(" ")[1] ?? 0), 0);
    expect(read()).toBeLessThan(MIB);
    expect(wire.socket.writableLength).toBeGreaterThan(sent / 2);
    socket.resume();
    await settled(() => read() === sent);
    wire.socket.destroy();
    await Promise.all([listener.stop(), echo.door.close(0)]);
  });
}

/** Bytes that reveal any loss or reordering. */
function pattern(length: number): Buffer {
  const words = new Uint32Array(length / 4);
  for (let at = 0; at < words.length; at += 1) words[at] = Math.imul(at, 2_654_435_761);
  return Buffer.from(words.buffer);
}

/** Lets the event loop, and so the other side, run. */
async function turns(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await new Promise((next) => setImmediate(next));
}

async function settled(holds: () => boolean): Promise<void> {
  while (!holds()) await turns(1);
}
