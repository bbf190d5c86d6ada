import { expect, test } from "bun:test";
import { type HttpHandler, serveHttp } from "../../src/platform/http.ts";
import { serveHttps } from "../../src/platform/https.ts";
import { webSockets } from "../../src/platform/websocket.ts";
import { fingerprintOf, fingerprintServed, openAuthority } from "../support/http/certificates.ts";
import { openEchoDoor } from "../support/http/echo-door.ts";
import { dialTcp, dialTls, dialWebSocket } from "../support/http/raw-wires.ts";

using authority = openAuthority();
const caPem = await authority.certificate();
const [first, second, third] = [
  await authority.pair("localhost"),
  await authority.pair("localhost"),
  await authority.pair("localhost"),
];
const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** A server that echoes over WebSocket, and otherwise responds with the requested path. */
async function openServer(handle: HttpHandler = (request) => new Response(new URL(request.url).pathname)) {
  const echo = openEchoDoor();
  const sockets = webSockets(echo.door, { trustedProxies: [], packetBytesMax: 1024 });
  const server = await serveHttps(LOOPBACK, handle, { webSockets: sockets, tls: first });
  return {
    server,
    port: server.port,
    echo,
    get: (path: string) => fetch(`https://localhost:${server.port}${path}`, { tls: { ca: caPem }, keepalive: false }),
    served: () => fingerprintServed(server.port, caPem),
    /** A WebSocket that has exchanged a message. */
    async connected() {
      const coming = echo.next();
      const wire = await dialWebSocket(server.port, { tls: { servername: "localhost", ca: caPem } });
      wire.send(Buffer.from("x"));
      await wire.until(1);
      return { wire, ...(await coming) };
    },
    async [Symbol.asyncDispose]() {
      await echo.door.close(0);
      await server.stop(0);
    },
  };
}

test("requests and WebSockets are served by TLS 1.2 and 1.3, and not by older versions or without TLS", async () => {
  await using world = await openServer();
  expect(await (await world.get("/hello")).text()).toBe("/hello");
  expect((await world.connected()).socket.transport).toBe("secure_websocket");
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    (await dialTls(world.port, { minVersion: version, maxVersion: version })).socket.destroy();
  }
  await expect(dialTls(world.port, { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" })).rejects.toThrow();
  const plain = await dialTcp(world.port);
  plain.send(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  await plain.closed;
  expect(plain.bytes).toBe(0);
});

test("each new certificate is presented from the next handshake on", async () => {
  await using world = await openServer();
  expect(await world.served()).toBe(fingerprintOf(first.certPem));
  for (const pair of [second, third, first]) {
    await world.server.setCertificate(pair);
    // Whichever listener the system would have chosen.
    for (let handshake = 0; handshake < 10; handshake += 1) {
      expect(await world.served()).toBe(fingerprintOf(pair.certPem));
    }
  }
});

test("connections stay: WebSockets continue, and a request in progress is answered", async () => {
  const { promise: answer, resolve: finish } = Promise.withResolvers<Response>();
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>();
  await using world = await openServer(() => {
    arrived();
    return answer;
  });
  const { wire, events } = await world.connected();
  const answered = world.get("/slow");
  await asked;
  for (const pair of [second, third]) await world.server.setCertificate(pair);
  wire.send(Buffer.from("still here"));
  await wire.until(11);
  expect(events).not.toContain("close");
  finish(new Response("answered"));
  expect(await (await answered).text()).toBe("answered");
});

test("a stopped server waits for requests in progress on every listener that it had", async () => {
  const { promise: answer, resolve: finish } = Promise.withResolvers<Response>();
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>();
  await using world = await openServer(() => {
    arrived();
    return answer;
  });
  const answered = world.get("/slow");
  await asked;
  await world.server.setCertificate(second);
  const stopped = world.server.stop(10_000);
  await untilPortIsClosed(world.port);
  finish(new Response("answered"));
  expect(await (await answered).text()).toBe("answered");
  await stopped;
});

test("a stopped server closes the remaining connections on every listener that it had", async () => {
  await using world = await openServer();
  const early = await world.connected();
  await world.server.setCertificate(second);
  const late = await world.connected();
  await world.server.stop(0);
  await Promise.all([early.wire.closed, late.wire.closed]);
});

test("no other program can share the port, before or after a new certificate", async () => {
  await using world = await openServer();
  const taken = `cannot listen on 127.0.0.1:${world.port}: EADDRINUSE`;
  const address = { ...LOOPBACK, port: world.port };
  const again = () => serveHttps(address, () => new Response(), { tls: second });
  await expect(again()).rejects.toThrow(taken);
  await world.server.setCertificate(second);
  await expect(again()).rejects.toThrow(taken);
  expect(() => serveHttp(address, () => new Response())).toThrow(taken);
});

test("an unusable certificate changes nothing", async () => {
  await using world = await openServer();
  const bad = { certPem: first.certPem, keyPem: second.keyPem };
  await expect(world.server.setCertificate(bad)).rejects.toThrow();
  expect(await world.served()).toBe(fingerprintOf(first.certPem));
  await world.server.setCertificate(second);
  expect(await world.served()).toBe(fingerprintOf(second.certPem));
});

/** A server that stops keeps listening a little longer, for connections in flight. */
async function untilPortIsClosed(port: number): Promise<void> {
  for (;;) {
    const wire = await dialTcp(port).catch(() => undefined);
    if (!wire) return;
    wire.socket.destroy();
    await wire.closed;
  }
}
