import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import type { ConnectionOptions } from "node:tls";
import { listenTls } from "../../src/platform/tls.ts";
import { fingerprintOf, fingerprintServed, openAuthority } from "../support/http/certificates.ts";
import { openEchoDoor } from "../support/http/echo-door.ts";
import { dialTcp, dialTls } from "../support/http/raw-wires.ts";

using authority = openAuthority();
const caPem = await authority.certificate();
const tls = await authority.pair("localhost");
const renewed = await authority.pair("localhost");
const device = await authority.issue("panel");
const der = (pem: string) => new Uint8Array(new X509Certificate(pem).raw);

async function openWorld({ handshakeTimeoutMs = 5_000, connectionsMax = 100 } = {}) {
  const echo = openEchoDoor({ connectionsMax });
  const listener = await listenTls({ host: "127.0.0.1", port: 0 }, echo.door, { tls, handshakeTimeoutMs });
  return {
    ...echo,
    port: listener.port,
    listener,
    /** A connection that has sent something, as the session layer sees it. */
    async connected(options: ConnectionOptions = {}) {
      const coming = echo.next();
      const wire = await dialTls(listener.port, options);
      wire.send(Buffer.from("x"));
      await wire.until(1);
      return { wire, ...(await coming) };
    },
    async [Symbol.asyncDispose]() {
      listener.stop();
      await echo.door.close(0);
      expect(echo.faults).toEqual([]);
    },
  };
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  const only = { minVersion: version, maxVersion: version };

  test(`${version}: a client's certificates arrive as sent, its own first`, async () => {
    await using world = await openWorld();
    const certificatesOf = async (options: ConnectionOptions) => {
      const { wire, socket } = await world.connected({ ...only, ...options });
      wire.socket.destroy();
      return socket.certificates;
    };
    expect(await certificatesOf({})).toEqual([]);
    expect(await certificatesOf(device)).toEqual([der(device.cert)]);
    const chain = { cert: `${device.cert}\n${caPem}`, key: device.key };
    expect(await certificatesOf(chain)).toEqual([der(device.cert), der(caPem)]);
  });

  test(`${version}: a resumed session has the certificates too`, async () => {
    await using world = await openWorld();
    const options = { ...only, cert: `${device.cert}\n${caPem}`, key: device.key };
    const first = await world.connected(options);
    const session = await first.wire.session;
    first.wire.socket.destroy();
    const second = await world.connected({ ...options, session });
    expect(second.wire.resumed).toBe(true);
    expect(second.socket.certificates[0]).toEqual(der(device.cert));
  });
}

test("a new certificate is presented from the next handshake on, still requests client certificates, and open connections stay", async () => {
  await using world = await openWorld();
  const { wire } = await world.connected();
  world.listener.setCertificate(renewed);
  expect(await fingerprintServed(world.port, caPem)).toBe(fingerprintOf(renewed.certPem));
  const { socket } = await world.connected(device);
  expect(socket.certificates).toEqual([der(device.cert)]);
  const old = dialTls(world.port, { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" });
  await expect(old).rejects.toThrow();
  wire.send(Buffer.from("still here"));
  await wire.until(11);
});

test("TLS 1.1 is refused", async () => {
  await using world = await openWorld();
  const old = dialTls(world.port, { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" });
  await expect(old).rejects.toThrow();
  expect(world.connections).toEqual([]);
});

test("garbage ends only its own connection and frees its place", async () => {
  await using world = await openWorld({ connectionsMax: 2 });
  const neighbour = await world.connected();
  for (const garbage of [
    "GET / HTTP/1.1\r\n\r\n",
    "\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
    "\x16\x03\x01\xff\xff",
  ]) {
    const wire = await dialTcp(world.port);
    wire.send(Buffer.from(garbage, "latin1"));
    if (garbage.startsWith("\x16")) wire.socket.destroy();
    await wire.closed;
  }
  neighbour.wire.send(Buffer.from("still here"));
  await neighbour.wire.until(11);
  const another = await world.connected();
  expect(another.socket.transport).toBe("tls");
  expect(world.connections.length).toBe(2);
});

test("an unfinished handshake is aborted in time, and takes a place until then", async () => {
  await using world = await openWorld({ handshakeTimeoutMs: 200, connectionsMax: 1 });
  const silent = await dialTcp(world.port);
  const refused = await dialTcp(world.port);
  await refused.closed;
  expect(world.refused()).toBe(1);
  await silent.closed;
  const { wire } = await world.connected();
  expect(wire.bytes).toBe(1);
});

test("an address that cannot be listened on is reported", async () => {
  await using world = await openWorld();
  const again = listenTls({ host: "127.0.0.1", port: world.port }, world.door, { tls, handshakeTimeoutMs: 1_000 });
  await expect(again).rejects.toThrow(`cannot listen on 127.0.0.1:${world.port}: EADDRINUSE`);
});
