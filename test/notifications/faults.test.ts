import { expect, test } from "bun:test";
import { type Net, systemNet } from "../../src/platform/net.ts";
import { openAuthority } from "../support/http/certificates.ts";
import { openNotified } from "../support/notifications/open-notified.ts";
import { startReceiver } from "../support/notifications/receiver.ts";

type Notified = Awaited<ReturnType<typeof openNotified>>;

const subscribe = (notified: Notified, callback_url: string) =>
  notified.company.call("POST", "/notifications/webhooks", { callback_url, topic: "red" });

/** The first attempt at the newest delivery. */
async function firstAttempt(notified: Notified) {
  const [{ uuid }] = await notified.deliveries("?limit=1");
  const { state, attempts } = await notified.delivery(uuid);
  return { state, ...attempts[0] };
}

/** A server that speaks only as much TCP as a test says. */
function startRaw(data: (socket: Bun.Socket<{ timer?: ReturnType<typeof setInterval> }>) => void) {
  const server = Bun.listen<{ timer?: ReturnType<typeof setInterval> }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = {};
      },
      data,
      close: (socket) => clearInterval(socket.data.timer),
    },
  });
  return { url: `http://127.0.0.1:${server.port}/`, [Symbol.dispose]: () => server.stop(true) };
}

/** Polls until something real on a socket has arrived, without waiting for a time. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setImmediate(done));
}

test("a host without an address, a port without a listener, and a connection that ends have distinct errors", async () => {
  const real = systemNet();
  const net: Net = {
    ...real,
    resolve: (host) => (host === "none.example" ? Promise.resolve([]) : Promise.reject(new Error("SERVFAIL"))),
  };
  await using notified = await openNotified({}, net);
  using closing = startRaw((socket) => socket.end());
  using cutting = startRaw((socket) => {
    socket.write("HTTP/1.1 200 O");
    socket.end();
  });
  const gone = startReceiver();
  await gone[Symbol.asyncDispose]();
  for (const [url, error] of [
    ["https://none.example/", "dns"],
    ["https://broken.example/", "dns"],
    [gone.url, "connect"],
    [closing.url, "closed"],
    [cutting.url, "closed"],
  ] as const) {
    await subscribe(notified, url);
    await notified.world.deliverer.settled();
    expect([url, await firstAttempt(notified)]).toEqual([
      url,
      { state: "waiting", number: 1, error, answer: "", started_ts: expect.any(Number), duration_ms: 0 },
    ]);
  }
});

test("an answer that does not come within ten seconds is a failure, and so is a name that does not resolve in time", async () => {
  const real = systemNet();
  const net: Net = { ...real, resolve: () => new Promise(() => {}) };
  await using notified = await openNotified({}, net);
  const { world, receiver } = notified;
  receiver.state.respond = () => new Promise(() => {});
  await subscribe(notified, receiver.url);
  await receiver.arrived(1);
  world.clock.advance(9_999);
  expect((await firstAttempt(notified)).state).toBe("sending");
  world.clock.advance(1);
  await world.deliverer.settled();
  expect(await firstAttempt(notified)).toMatchObject({ state: "waiting", error: "timeout", duration_ms: 10_000 });

  receiver.state.respond = () => new Response();
  let asked = false;
  net.resolve = () => {
    asked = true;
    return new Promise(() => {});
  };
  await subscribe(notified, "https://slow.example/");
  await until(() => asked);
  world.clock.advance(10_000);
  await world.deliverer.settled();
  expect(await firstAttempt(notified)).toMatchObject({ error: "timeout", duration_ms: 10_000 });
});

test("only the beginning of an endless response is read, and its status decides the outcome", async () => {
  await using notified = await openNotified();
  let sent = 0;
  using streaming = startRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    socket.data.timer = setInterval(() => {
      sent += Math.max(0, socket.write("x".repeat(4096)));
    }, 0);
  });
  await subscribe(notified, streaming.url);
  await notified.world.deliverer.settled();
  expect(await firstAttempt(notified)).toMatchObject({ state: "delivered", status: 200, answer: "x".repeat(1024) });
  expect(sent).toBeGreaterThan(0);

  // A receiver that sends byte by byte keeps its place until the time is over.
  let dripping = false;
  using drip = startRaw((socket) => {
    socket.write("HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nso");
    dripping = true;
  });
  await subscribe(notified, drip.url);
  await until(() => dripping);
  await new Promise((done) => setTimeout(done, 50));
  notified.world.clock.advance(10_000);
  await notified.world.deliverer.settled();
  expect(await firstAttempt(notified)).toMatchObject({ state: "waiting", status: 500, error: "status", answer: "so" });
});

test("endless interim answers are no answer, and are not read for long", async () => {
  await using notified = await openNotified();
  for (const interim of ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"]) {
    using endless = startRaw((socket) => {
      socket.data.timer = setInterval(() => socket.write(interim), 0);
    });
    await subscribe(notified, endless.url);
    await notified.world.deliverer.settled();
    expect(await firstAttempt(notified)).toMatchObject({ state: "waiting", error: "closed" });
  }
  using patient = startRaw((socket) => {
    socket.write("HTTP/1.1 102 Processing\r\n\r\n".repeat(3));
    socket.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  await subscribe(notified, patient.url);
  await notified.world.deliverer.settled();
  expect(await firstAttempt(notified)).toMatchObject({ state: "delivered", status: 204 });
});

test("any bytes of an answer are stored as text", async () => {
  await using notified = await openNotified();
  notified.receiver.state.respond = () =>
    new Response(new Uint8Array([0, 0xff, 0xed, 0xa0, 0x80, 0x41]), { status: 500 });
  await subscribe(notified, notified.receiver.url);
  await notified.world.deliverer.settled();
  expect((await firstAttempt(notified)).answer).toMatch(/^\u{fffd}+A$/u);
});

test.skipIf(!Bun.which("openssl"))(
  "certificates are checked against the host's name, though the address is chosen by us",
  async () => {
    using authority = openAuthority();
    const ca = await authority.certificate();
    const tls = await authority.issue("hooks.example.org");
    const heard: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls,
      fetch: (request) => {
        heard.push(request.headers.get("host") ?? "");
        return new Response();
      },
    });
    const trusting = { ...systemNet({ ca }), resolve: async () => ["127.0.0.1"] };
    const untrusting = { ...systemNet(), resolve: async () => ["127.0.0.1"] };
    for (const [net, host, outcome] of [
      [trusting, "hooks.example.org", { state: "delivered", status: 200 }],
      [trusting, "other.example.org", { state: "waiting", error: "tls" }],
      [trusting, "127.0.0.1", { state: "waiting", error: "tls" }],
      [untrusting, "hooks.example.org", { state: "waiting", error: "tls" }],
    ] as const) {
      await using notified = await openNotified({}, net);
      await subscribe(notified, `https://${host}:${server.port}/x`);
      await notified.world.deliverer.settled();
      expect(await firstAttempt(notified)).toMatchObject(outcome);
    }
    expect(heard).toEqual([`hooks.example.org:${server.port}`]);
    await server.stop(true);
  },
);

test("receivers that hang, fail, close and stream delay neither a healthy one nor each other's accounts", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  await using hanging = startReceiver(() => new Promise(() => {}));
  await using failing = startReceiver(() => new Response("", { status: 500 }));
  using closing = startRaw((socket) => socket.end());
  const stranger = await world.createAccount("Stranger");
  // As many as an account may have on a topic, all of which hang; and on the same topic the healthy one.
  await notified.confirmed(company);
  for (const caller of [company, stranger]) {
    for (let i = 0; i < 40; i++)
      await caller.call("POST", "/notifications/webhooks", { callback_url: hanging.url, topic: "hang" });
  }
  await hanging.arrived(80);
  await subscribe(notified, failing.url);
  await subscribe(notified, closing.url);
  const count = receiver.messages.length;
  const arrived = receiver.arrived(count + 100);
  for (let n = 0; n < 100; n++) void notified.publish({ n }, { twinId: crypto.randomUUID() });
  await arrived;
  expect(receiver.messages.length).toBe(count + 100);
  expect((await notified.deliveries("?state=sending&topic=hang")).length).toBe(40);
});
