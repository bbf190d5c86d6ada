import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { Scheduler } from "../../src/jobs/scheduler.ts";
import type { AcceptDevice } from "../../src/platform/device-socket.ts";
import { openDevices } from "../../src/server/devices.ts";
import { ServerCertificate } from "../../src/server/server-certificate.ts";
import { openWeb } from "../../src/server/web.ts";
import { fingerprintOf, fingerprintServed, openAuthority } from "../support/http/certificates.ts";
import { dialTls, dialWebSocket } from "../support/http/raw-wires.ts";
import { temporaryFolder } from "../support/process/server-process.ts";
import { openWorld } from "../support/world/world.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
const DAY_MS = 86_400_000;
const echo: AcceptDevice = (socket) => ({ onBytes: (bytes) => socket.send(bytes), onDrain() {}, onClose() {} });
const portOf = (urls: readonly string[], scheme: string) =>
  Number(
    urls
      .find((url) => url.startsWith(`${scheme}:`))
      ?.split(":")
      .at(-1),
  );

/** All TLS listeners with a certificate in files, and the jobs that look after it. */
async function openServer() {
  const authority = openAuthority();
  const folder = temporaryFolder();
  const caPem = await authority.certificate();
  const files = { certPath: `${folder.path}/cert.pem`, keyPath: `${folder.path}/key.pem` };
  const issue = async () => {
    const { cert, key } = await authority.issue("localhost");
    return { cert, key, fingerprint: fingerprintOf(cert), endsAt: Date.parse(new X509Certificate(cert).validTo) };
  };
  const first = await issue();
  await Bun.write(files.certPath, first.cert);
  await Bun.write(files.keyPath, first.key);
  const world = await openWorld();
  const config = { ...world.deps.config, mqtt: null, mqtts: LOOPBACK, http: null, https: LOOPBACK };
  const deps = { ...world.deps, config };
  const certificate = new ServerCertificate(deps, files);
  const devices = openDevices(deps, echo, certificate);
  const web = await openWeb(config, () => new Response("served"), devices.webSockets, certificate);
  const urls = [...web.urls, ...(await devices.listen())];
  const [https, mqtts] = [portOf(urls, "https"), portOf(urls, "mqtts")];
  const scheduler = new Scheduler(deps, certificate.jobs());
  scheduler.start();
  return {
    certificate,
    files,
    issue,
    first,
    https,
    mqtts,
    clock: world.clock,
    logged: () => world.logged.filter(({ event }) => event.startsWith("tls.")),
    /** The certificate that new clients receive, by HTTPS and by MQTT over TLS. */
    served: () => Promise.all([https, mqtts].map((port) => fingerprintServed(port, caPem))),
    async pass(ms: number) {
      world.clock.advance(ms);
      await scheduler.settled();
    },
    async [Symbol.asyncDispose]() {
      devices.stopListening();
      await Promise.all([devices.close(1_000), web.stop(1_000)]);
      await scheduler.stop();
      await world[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
      authority[Symbol.dispose]();
    },
  };
}

test("HTTPS and MQTTS present a renewed certificate within ten seconds, and open connections stay", async () => {
  await using server = await openServer();
  const wires = [await dialWebSocket(server.https, { tls: {} }), await dialTls(server.mqtts)];
  const renewed = await server.issue();
  await Bun.write(server.files.certPath, renewed.cert);
  await Bun.write(server.files.keyPath, renewed.key);
  expect(await server.served()).toEqual([server.first.fingerprint, server.first.fingerprint]);
  await server.pass(10_000);
  expect(await server.served()).toEqual([renewed.fingerprint, renewed.fingerprint]);
  expect(server.logged()).toEqual([
    expect.objectContaining({ level: "info", event: "tls.reloaded", expiresAt: expect.stringMatching(/Z$/) }),
  ]);
  for (const wire of wires) {
    wire.send(Buffer.from("still here"));
    expect((await wire.until(10)).toString()).toBe("still here");
  }
});

test("a pair that is half written, cut off or missing is logged once, and the old one stays until a complete one is there", async () => {
  await using server = await openServer();
  const renewed = await server.issue();
  for (const [cert, reason] of [
    [renewed.cert, /is not the key of the certificate/],
    [renewed.cert.slice(0, 200), /holds no certificate/],
    ["", /holds no certificate/],
  ] as const) {
    await Bun.write(server.files.certPath, cert);
    const before = server.logged().length;
    for (let look = 0; look < 3; look += 1) await server.pass(10_000);
    expect(server.logged().slice(before)).toEqual([
      expect.objectContaining({ level: "warn", event: "tls.refused", reason: expect.stringMatching(reason) }),
    ]);
    expect(await server.served()).toEqual([server.first.fingerprint, server.first.fingerprint]);
  }
  await Bun.file(server.files.certPath).delete();
  await server.pass(20_000);
  expect(server.logged().at(-1)).toMatchObject({ event: "tls.refused", reason: expect.stringContaining("ENOENT") });

  await Bun.write(server.files.certPath, renewed.cert);
  await Bun.write(server.files.keyPath, renewed.key);
  await server.pass(10_000);
  expect(await server.served()).toEqual([renewed.fingerprint, renewed.fingerprint]);
});

test("a requested reload is logged at once, even if the certificate has not changed", async () => {
  await using server = await openServer();
  await server.certificate.reload({ asked: true });
  await Bun.write(server.files.keyPath, "");
  for (let time = 0; time < 2; time += 1) await server.certificate.reload({ asked: true });
  expect(server.logged().map(({ event }) => event)).toEqual(["tls.unchanged", "tls.refused", "tls.refused"]);
});

test("a certificate that expires within 14 days is logged every day, and as an error once it has expired", async () => {
  await using server = await openServer();
  server.clock.set(server.first.endsAt - 20 * DAY_MS);
  // Timers armed before the clock was set are due now, and are armed again.
  await server.pass(0);
  await server.pass(5 * DAY_MS);
  expect(server.logged()).toEqual([]);
  for (let day = 0; day < 16; day += 1) await server.pass(DAY_MS);
  const warnings = server.logged().map(({ level, event, daysLeft }) => [level, event, daysLeft]);
  const days = Array.from({ length: 14 }, (_, day) => ["warn", "tls.expires_soon", 13 - day]);
  expect(warnings).toEqual([...days, ["error", "tls.expired", undefined]]);
});
