import { expect, test } from "bun:test";
import type { AcceptDevice } from "../../src/platform/device-socket.ts";
import { serveHttp } from "../../src/platform/http.ts";
import { openDevices } from "../../src/server/devices.ts";
import { ServerCertificate } from "../../src/server/server-certificate.ts";
import { openAuthority } from "../support/http/certificates.ts";
import { dialTcp, dialTls, dialWebSocket } from "../support/http/raw-wires.ts";
import { openWorld } from "../support/world/world.ts";

const loopback = { host: "127.0.0.1", port: 0 };
const echo: AcceptDevice = (socket) => {
  socket.identified("an account");
  return { onBytes: (bytes) => socket.send(bytes), onDrain() {}, onClose() {} };
};
const portOf = (url: string | undefined) => Number(url?.split(":").at(-1));

test("devices connect by every configured transport, share the limit, and are disconnected together", async () => {
  using authority = openAuthority();
  await using world = await openWorld();
  const config = { ...world.deps.config, mqtt: loopback, mqtts: loopback, mqttConnectionsMax: 3 };
  const certificate = new ServerCertificate(world.deps, await authority.files("localhost"));
  const devices = openDevices({ ...world.deps, config }, echo, certificate);
  const server = serveHttp(loopback, () => new Response(), { webSockets: devices.webSockets });
  const urls = await devices.listen();
  expect(urls.map((url) => url.replace(/\d+$/, ""))).toEqual(["mqtt://127.0.0.1:", "mqtts://127.0.0.1:"]);

  const [mqtt, secure] = urls.map(portOf) as [number, number];
  const wires = [await dialTcp(mqtt), await dialTls(secure), await dialWebSocket(server.port)];
  for (const wire of wires) {
    wire.send(Buffer.from("hello"));
    expect((await wire.until(5)).toString()).toBe("hello");
  }
  for (let count = 0; count < 3; count += 1) await (await dialTcp(mqtt)).closed;
  expect(world.logged.filter(({ event }) => event === "mqtt.full")).toEqual([
    expect.objectContaining({ level: "warn", connectionsMax: 3, refused: 1 }),
  ]);

  devices.stopListening();
  await expect(dialTcp(mqtt)).rejects.toThrow();
  const [first] = wires;
  first?.send(Buffer.from("still served"));
  await first?.until(17);
  await Promise.all([devices.close(5_000), ...wires.map(({ closed }) => closed)]);
  await server.stop(0);
});

test("a transport that is switched off does not listen", async () => {
  await using world = await openWorld();
  const config = { ...world.deps.config, mqtt: null, mqtts: null };
  expect(await openDevices({ ...world.deps, config }, echo, null).listen()).toEqual([]);
});

test("an exception in a session is logged in full as an internal error", async () => {
  await using world = await openWorld();
  const config = { ...world.deps.config, mqtt: loopback };
  const throws: AcceptDevice = () => {
    throw new Error("a bug");
  };
  const devices = openDevices({ ...world.deps, config }, throws, null);
  const [url] = await devices.listen();
  await (await dialTcp(portOf(url))).closed;
  expect(world.logged.filter(({ event }) => event === "mqtt.failed")).toEqual([
    expect.objectContaining({ level: "error", error: expect.objectContaining({ message: "a bug" }) }),
  ]);
  devices.stopListening();
});
