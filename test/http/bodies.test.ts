import { expect, test } from "bun:test";
import { dialTcp, type Wire } from "../support/http/raw-wires.ts";
import { openWorld } from "../support/world/world.ts";

type World = Awaited<ReturnType<typeof openWorld>>;
type Headers = Record<string, string>;

const CHUNKED = { "transfer-encoding": "chunked" };
const chunk = (text: string) => Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`);
const LAST_CHUNK = Buffer.from("0\r\n\r\n");
const MB = 1024 * 1024;

/** A server on a socket, and connections that send exactly the given bytes. */
async function openServer(settings: Record<string, string> = {}) {
  const world = await openWorld(settings);
  const port = Number(new URL(world.listen()).port);
  const dial = async (method: string, path: string, headers: Headers) => {
    const wire = await dialTcp(port);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    wire.send(Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: twinpost.test\r\n${lines.join("")}\r\n`));
    return wire;
  };
  return {
    world,
    dial,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
    /** Resolves when everything sent so far has been handled. */
    async settled() {
      for (let turns = 0; turns < 3; turns += 1) await fetch(`http://127.0.0.1:${port}/healthz`);
    },
  };
}

/** The status of the next response. */
const statusOf = async (wire: Wire) => Number(/^HTTP\/1\.1 (\d+)/.exec((await wire.until(16)).toString("latin1"))?.[1]);

async function openDocument(world: World) {
  const caller = await world.createAccount();
  const twin = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
  const path = `/twins/${twin}/documents/current`;
  return { caller, path, authorization: { authorization: caller.authorization } };
}

test("16 small documents that one account sends chunked at once are all stored", async () => {
  await using server = await openServer();
  const { authorization, path } = await openDocument(server.world);
  const wires = await Promise.all(
    Array.from({ length: 16 }, () => server.dial("PUT", path, { ...authorization, ...CHUNKED })),
  );
  for (const wire of wires) wire.send(chunk('{"data":'));
  await server.settled();
  for (const wire of wires) wire.send(Buffer.concat([chunk('{"a":1}}'), LAST_CHUNK]));
  expect(await Promise.all(wires.map(statusOf))).toEqual(Array(16).fill(200));
});

test("requests whose bodies never arrive do not prevent other accounts from sending theirs", async () => {
  await using server = await openServer();
  const wires: Wire[] = [];
  for (let account = 0; account < 4; account += 1) {
    const { authorization, path } = await openDocument(server.world);
    for (let connection = 0; connection < 4; connection += 1) {
      wires.push(await server.dial("PUT", path, { ...authorization, "content-length": `${4 * MB}` }));
    }
  }
  const { caller, path } = await openDocument(server.world);
  for (let seconds = 0; seconds < 60; seconds += 6) {
    for (const wire of wires) wire.send(Buffer.from(" "));
    await server.settled();
    expect((await caller.call("POST", "/twins", { description: { a: "x".repeat(60_000) } })).status).toBe(201);
    expect((await caller.call("PUT", path, { data: { a: "x".repeat(500_000) } })).status).toBe(200);
    server.world.clock.advance(6_000);
  }
  for (const wire of wires) {
    expect(await statusOf(wire)).toBe(400);
    await wire.closed;
  }
});

test("a body, with or without Content-Length, has to arrive at a kilobyte a second or faster", async () => {
  await using server = await openServer();
  const { authorization, path } = await openDocument(server.world);
  const announced = await server.dial("PUT", path, { ...authorization, "content-length": "100000" });
  const chunked = await server.dial("PUT", path, { ...authorization, ...CHUNKED });
  for (let seconds = 0; seconds < 30; seconds += 1) {
    announced.send(Buffer.from("x".repeat(900)));
    chunked.send(chunk("x".repeat(900)));
    await server.settled();
    expect([announced.bytes, chunked.bytes]).toEqual([0, 0]);
    server.world.clock.advance(1_000);
  }
  for (const wire of [announced, chunked]) {
    expect(await statusOf(wire)).toBe(400);
    await wire.closed;
  }
  const messages = server.world.logged.map(({ message }) => message);
  expect(messages).toEqual(Array(2).fill("The request body came slower than a kilobyte a second."));
});

test("a document of 1 MiB that arrives at 64 kbit/s is stored", async () => {
  await using server = await openServer();
  const { caller, authorization, path } = await openDocument(server.world);
  const body = `{"data":{"a":"${"x".repeat(1_000_000)}"}}`;
  const wire = await server.dial("PUT", path, { ...authorization, "content-length": `${body.length}` });
  for (let sent = 0; sent < body.length; sent += 8_000) {
    wire.send(Buffer.from(body.slice(sent, sent + 8_000)));
    await server.settled();
    server.world.clock.advance(1_000);
  }
  expect(await statusOf(wire)).toBe(200);
  expect((await caller.call("GET", path)).body.data.a.length).toBe(1_000_000);
});

test("an account that uses its whole share of memory is refused, while another can send", async () => {
  await using server = await openServer();
  const { authorization, path } = await openDocument(server.world);
  const wires = await Promise.all(
    Array.from({ length: 5 }, () => server.dial("PUT", path, { ...authorization, "content-length": `${4 * MB}` })),
  );
  for (const wire of wires.slice(0, 4)) wire.send(Buffer.alloc(4 * MB - 1, " "));
  const last = wires[4] as Wire;
  while (server.world.deps.bodies.byteCount < 4 * (4 * MB - 1)) await server.settled();
  last.send(Buffer.alloc(100_000, " "));
  expect(await statusOf(last)).toBe(429);
  // The rest is discarded, and the connection stays open.
  await new Promise((sent) => last.socket.write(Buffer.alloc(4 * MB - 100_000, " "), sent));
  await server.settled();
  const refused = last.bytes;
  last.send(Buffer.from(`GET /whoami HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization.authorization}\r\n\r\n`));
  expect((await last.until(refused + 16)).toString("latin1", refused)).toStartWith("HTTP/1.1 200 ");
  const other = await openDocument(server.world);
  expect((await other.caller.call("PUT", other.path, { data: { a: "x".repeat(500_000) } })).status).toBe(200);
});

test("the body of a request that is refused or needs none is not read", async () => {
  await using server = await openServer({ cors: "https://app.example" });
  const { authorization, path } = await openDocument(server.world);
  const weak = await server.world.createUser(await server.world.createAccount(), { effect: "allow", actions: [] });
  const preflight = { origin: "https://app.example", "access-control-request-method": "PUT" };
  for (const [method, target, headers, status] of [
    ["PUT", path, {}, 401],
    ["POST", "/iot/v1/regions/fr-par/hubs", {}, 401],
    ["PUT", path, { authorization: weak.authorization }, 403],
    ["POST", "/nowhere", {}, 404],
    ["GET", "/iot/v1/regions/fr-par/nowhere", {}, 404],
    ["POST", "/usage", authorization, 404],
    ["GET", path, authorization, 404],
    ["DELETE", path, authorization, 404],
    ["HEAD", "/whoami", authorization, 200],
    ["GET", "/whoami", authorization, 200],
    ["GET", "/healthz", {}, 200],
    ["GET", "/openapi.json", {}, 200],
    ["GET", "/iot/v1/openapi.json", {}, 200],
    ["OPTIONS", "/whoami", preflight, 204],
  ] as const) {
    const wire = await server.dial(method, target, { ...headers, ...CHUNKED });
    expect([method, target, await statusOf(wire)]).toEqual([method, target, status]);
    await wire.closed;
  }
  // A length that cannot be a mistake.
  for (const headers of [{}, authorization]) {
    const wire = await server.dial("PUT", path, { ...headers, "content-length": "1000000000000" });
    expect(await statusOf(wire)).toBe("authorization" in headers ? 400 : 401);
    await wire.closed;
  }
});

test("a body is not read beyond its size limit", async () => {
  await using server = await openServer();
  const { authorization } = await openDocument(server.world);
  const wire = await server.dial("POST", "/twins", { ...authorization, ...CHUNKED });
  let sent = 0;
  wire.socket.on("drain", () => send());
  const send = () => {
    while (wire.socket.writable && wire.socket.write(chunk("x".repeat(65_536)))) sent += 65_536;
  };
  send();
  expect(await statusOf(wire)).toBe(400);
  await wire.closed;
  expect(sent).toBeLessThan(64 * MB);
});

test("a connection stays open after a body slightly over the limit is refused", async () => {
  await using server = await openServer();
  const { authorization } = await openDocument(server.world);
  const wire = await server.dial("POST", "/twins", { ...authorization, "content-length": `${5 * MB}` });
  expect(await statusOf(wire)).toBe(400);
  await new Promise((sent) => wire.socket.write(Buffer.alloc(5 * MB, " "), sent));
  await server.settled();
  const refused = wire.bytes;
  wire.send(Buffer.from(`GET /whoami HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization.authorization}\r\n\r\n`));
  const both = (await wire.until(refused + 16)).toString("latin1");
  expect([...both.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["400", "200"]);
  wire.socket.destroy();
});

test("unauthenticated clients that send a body slowly do not keep other addresses from sending theirs", async () => {
  await using server = await openServer({ "trusted-proxies": "127.0.0.0/8" });
  const at = (address: string) => ({ "x-forwarded-for": address });
  const refresh = "/notifications/webhooks/00000000-0000-4000-8000-000000000000";
  const wires = await Promise.all(
    Array.from({ length: 300 }, () =>
      server.dial("PATCH", refresh, { ...at("203.0.113.9"), "content-length": "65000" }),
    ),
  );
  for (const wire of wires) wire.send(Buffer.alloc(64_000, " "));
  await server.settled();
  const other = await server.dial("PATCH", refresh, { ...at("198.51.100.7"), "content-length": "8000" });
  other.send(Buffer.from("{}".padEnd(8_000)));
  // The body was read and refused: the link in it is not ours.
  expect(await statusOf(other)).toBe(400);
  for (const wire of wires) wire.socket.destroy();
  await Promise.all(wires.map(({ closed }) => closed));
  await server.settled();
  expect(server.world.logged.filter(({ level }) => level === "error")).toEqual([]);
});
