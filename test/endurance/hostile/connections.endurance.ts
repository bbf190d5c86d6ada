import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { requestBytes, type Wire } from "../../support/http/http-connection.ts";
import { createAccount } from "../../support/process/server-process.ts";
import { openBeside } from "../audit/journal-audit.ts";
import { openSiege, say } from "../server/attacked-server.ts";
import { head, KB, MB, outcome, tally, verdict } from "../server/request-outcome.ts";

setDefaultTimeout(60_000);

/** Files, hence connections, that this process and the server may each have open. */
const filesMax = Number(/Max open files\s+\d+\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? 0);
const IDLE = Math.min(5_000, filesMax - 500);

test(`${IDLE} idle connections cost little, and other callers do not notice`, async () => {
  await using siege = await openSiege();
  const wires = await siege.openMany(IDLE);
  // Each was accepted: one in fifty is used.
  for (let i = 0; i < wires.length; i += 50) {
    expect(await outcome((wires[i] as Wire).call("GET", "/whoami", { headers: siege.headers }))).toBe("200 ");
  }
  expect(wires.filter(({ isOpen }) => isOpen).length).toBe(IDLE);
  await siege.expectUnharmed();
});

test("connections that send headers byte by byte are closed after seconds, and other callers are not affected", async () => {
  await using siege = await openSiege();
  const wires = await siege.openMany(1_000);
  const began = performance.now();
  for (const wire of wires) wire.send("GET /whoami HTTP/1.1\r\nhost: twinpost.test\r\nx-slow: ");
  const drip = setInterval(() => {
    for (const wire of wires) if (wire.isOpen) wire.send("a");
  }, 250);
  try {
    await Promise.all(wires.map(({ ended }) => ended));
  } finally {
    clearInterval(drip);
  }
  say(`1000 dripping headers were cut off after ${Math.round((performance.now() - began) / 1000)} s`);
  await siege.expectUnharmed();
});

test("an account that sends bodies byte by byte does not prevent others from writing", async () => {
  await using siege = await openSiege();
  const neighbour = await createAccount(siege, "Neighbour");
  const wires = await siege.openMany(1_200);
  for (const wire of wires) {
    wire.send(head("POST /twins", { ...siege.headers, "content-length": `${64 * KB}` }), "{");
  }
  const wire = await siege.open();
  const large = `{"description":{"a":"${"x".repeat(60_000)}"}}`;
  for (let i = 0; i < 40; i++) {
    for (const slow of wires) if (slow.isOpen) slow.send(" ");
    const headers = { authorization: neighbour.secret };
    expect(await outcome(wire.call("POST", "/twins", { headers, body: i % 2 ? large : "{}" }))).toBe("201 ");
  }
  for (const wire of wires) wire.abort();
  await Promise.all(wires.map(({ ended }) => ended));
  expect(verdict(await siege.call("POST", "/twins", "{}"))).toBe("201 ");
  // A request with an unfinished body costs some 25 kB, so 1 200 of them 30 MB, beside the 20 MB of any work.
  await siege.expectUnharmed({ growthMb: 72 });
});

test("huge headers and paths are refused by the runtime", async () => {
  await using siege = await openSiege();
  const big = (byteCount: number) => head("GET /whoami", { ...siege.headers, "x-big": "a".repeat(byteCount) });
  const many = (count: number) =>
    head("GET /whoami", {
      ...siege.headers,
      ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, "1"])),
    });
  const requests = [
    [big(8 * KB), "200 "],
    [many(90), "200 "],
    [big(17 * KB), "431 "],
    [big(MB), "431 "],
    [big(20 * MB), "431 "],
    [many(1_000), "431 "],
    [many(100_000), "431 "],
    [head(`GET /whoami?${"a".repeat(8 * KB)}`, siege.headers), "200 "],
    [head(`GET /whoami?${"a".repeat(MB)}`, siege.headers), "431 "],
    [head("GET /whoami", { authorization: "x".repeat(8 * KB) }), "401 401000"],
    [head("GET /whoami", { authorization: `.${"x".repeat(4 * KB)}.${"x".repeat(4 * KB)}` }), "401 401000"],
  ] as const;
  for (const [request, expected] of requests) {
    const wire = await siege.open();
    wire.send(request);
    expect([request.slice(0, 100), await outcome(wire.answer())]).toEqual([request.slice(0, 100), expected]);
  }
  await siege.expectUnharmed();
});

test("10 000 requests with wrong secrets are all answered 401", async () => {
  await using siege = await openSiege();
  const wires = await siege.openMany(50);
  const wrong = (i: number): Record<string, string> => {
    const spellings = [
      { authorization: Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString("base64") },
      { authorization: `${siege.account.secret.slice(0, -1)}!` },
      { "x-auth-token": crypto.randomUUID() },
      { authorization: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0." },
      {},
    ];
    return spellings[i % spellings.length] ?? {};
  };
  const answers = wires.map(async (wire) => {
    const verdicts: string[] = [];
    for (let i = 0; i < 200; i++) {
      const post = i % 2 === 0;
      const request = { headers: wrong(i >> 1), ...(post && { body: '{"description":{"a":1}}' }) };
      verdicts.push(await outcome(wire.call(post ? "POST" : "GET", "/twins", request)));
    }
    return verdicts;
  });
  expect(tally((await Promise.all(answers)).flat())).toEqual({ "401 401000": 10_000 });
  await siege.expectUnharmed();
});

test("PINs cannot be guessed: after a few failures even the right one is refused for a while from that address", async () => {
  await using siege = await openSiege({ TWINPOST_TRUSTED_PROXIES: "127.0.0.1/32" });
  const { account, user } = siege.account;
  const { uuid } = JSON.parse((await siege.call("POST", "/users", `{"role":"${siege.account.role}"}`)).text);
  expect(uuid).not.toBe(user);
  const { pin } = JSON.parse((await siege.call("POST", `/users/${uuid}/secrets`)).text);
  const wires = await siege.openMany(100);
  const redeem = (wire: Wire, guess: string, address: string) =>
    outcome(wire.call("POST", `/secrets/${account}/${guess}`, { headers: { "x-forwarded-for": address } }));

  // All at the same moment, so that no failure is known when the next is tried.
  const guesses = wires.map((wire, i) => redeem(wire, `${i}`.padStart(6, "A"), "192.0.2.1"));
  const slowed = { "404 404653": 20, "429 400979": 80 };
  expect(tally(await Promise.all(guesses))).toEqual(slowed);
  const [wire] = wires as [Wire];
  expect(await redeem(wire, pin, "192.0.2.1")).toBe("429 400979");

  // A customer's IPv6 addresses count as one, and addresses that a client claims in front of its proxy's are ignored.
  const sixes = wires.map((wire, i) => redeem(wire, `${i}`.padStart(6, "B"), `2001:db8::${i.toString(16)}`));
  expect(tally(await Promise.all(sixes))).toEqual(slowed);
  expect(await redeem(wire, pin, "2001:db8::ffff")).toBe("429 400979");
  expect(await redeem(wire, pin, "203.0.113.7, 192.0.2.1")).toBe("429 400979");

  expect(await redeem(wire, pin, "198.51.100.1")).toBe("201 ");
  expect(await redeem(wire, pin, "198.51.100.1")).toBe("404 404653");
  await siege.expectUnharmed();
});

test("garbage on a connection ends it, after earlier valid requests have been answered", async () => {
  await using siege = await openSiege();
  const proper = head("GET /whoami", siege.headers);
  const write = Buffer.concat(requestBytes("POST", "/twins", { headers: siege.headers, body: "{}" })).toString(
    "latin1",
  );
  const garbage = [
    "\0\x01\x02\r\n\r\n",
    "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
    "GET\r\n\r\n",
    "GET / HTTP/9.9\r\nhost: x\r\n\r\n",
    "GET /whoami HTTP/1.1\r\n\r\n",
    `GET /whoami HTTP/1.1\r\nhost: x\r\nx-nul: a\0b\r\n\r\n`,
    `POST /twins HTTP/1.1\r\nhost: x\r\nauthorization: ${siege.account.secret}\r\ncontent-length: -1\r\n\r\n{}`,
    `POST /twins HTTP/1.1\r\nhost: x\r\nauthorization: ${siege.account.secret}\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
    `POST /twins HTTP/1.1\r\nhost: x\r\nauthorization: ${siege.account.secret}\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
    `POST /twins HTTP/1.1\r\nhost: x\r\nauthorization: ${siege.account.secret}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}`,
    `POST /twins HTTP/1.1\r\nhost: x\r\nauthorization: ${siege.account.secret}\r\ntransfer-encoding: gzip\r\n\r\n{}`,
    "\r\n".repeat(10_000),
    "A".repeat(100_000),
    Buffer.from(crypto.getRandomValues(new Uint8Array(64 * KB))).toString("latin1"),
  ];
  const seen = garbage.map(async (bytes) => {
    const wire = await siege.open();
    wire.send(proper);
    expect(await outcome(wire.answer())).toBe("200 ");
    wire.send(bytes, write);
    const then = await outcome(wire.answer());
    return then;
  });
  for (const then of await Promise.all(seen)) expect(then).toMatch(/^(4\d\d |505 |no answer|201 )/);
  const database = openBeside(siege.dataDir);
  say(`after garbage: ${JSON.stringify(tally(await Promise.all(seen)))}, ${count(database)} twins`);
  database.close();
  await siege.expectUnharmed();
});

const count = (database: ReturnType<typeof openBeside>) =>
  database.get("SELECT count(*) AS n FROM twins")?.["n"] as number;

test("a client that pipelines is disconnected, and harms only itself", async () => {
  await using siege = await openSiege();
  const wire = await siege.open();
  const read = head("GET /whoami", siege.headers);
  wire.send(read.repeat(100));
  const reads = Array.from({ length: 100 }, () => outcome(wire.answer()));
  const { "200 ": _answered, "no answer": _none, ...strange } = tally(await Promise.all(reads));
  expect(strange).toEqual({});

  const write = Buffer.concat(requestBytes("POST", "/twins", { headers: siege.headers, body: "{}" }));
  const wires = await siege.openMany(200);
  const answers = wires.flatMap((wire) => {
    wire.send(Buffer.concat(Array.from({ length: 20 }, () => write)));
    return Array.from({ length: 20 }, () => outcome(wire.answer()));
  });
  const { "201 ": stored = 0, "no answer": none = 0, ...others } = tally(await Promise.all(answers));
  expect(others).toEqual({});
  const database = openBeside(siege.dataDir);
  say(`pipelined writes: ${stored} acknowledged, ${none} without an answer, ${count(database)} stored`);
  expect(count(database)).toBeGreaterThanOrEqual(stored);
  database.close();
  await siege.expectUnharmed();
});

test("responses are not buffered for a client that sends many requests and reads none", async () => {
  await using siege = await openSiege();
  const document = head("GET /openapi.json", {});
  const wires = await siege.openMany(20);
  for (const wire of wires) {
    wire.pause();
    wire.send(document.repeat(2_000));
  }
  // 20 connections, each asking for more than 100 MB: responses to others meanwhile show that all were processed.
  for (let i = 0; i < 50; i++) expect(verdict(await siege.call("GET", "/whoami"))).toBe("200 ");
  await siege.expectUnharmed();
});

const FLOOD = 17_500;

test.skipIf(filesMax < FLOOD + 500)(
  `of ${FLOOD} writes that arrive at once beyond the queue get Retry-After, and all others are stored`,
  async () => {
    await using siege = await openSiege();
    const wires = await siege.openMany(FLOOD, { asking: true });
    const headers = siege.headers;
    // Another process writes, as the command line does; meanwhile the queue grows.
    const blocker = new Database(join(siege.dataDir, "twinpost.db"));
    blocker.exec("BEGIN IMMEDIATE");
    const full = Promise.withResolvers<void>();
    let refused = 0;
    const answers = wires.map(async (wire) => {
      const answer = await wire.call("POST", "/twins", { headers, body: "{}" });
      if (answer.status === 429) {
        expect(answer.headers.get("retry-after")).toBe("1");
        if (++refused === 500) full.resolve();
      }
      return verdict(answer);
    });
    await full.promise;
    blocker.exec("ROLLBACK");
    blocker.close();
    const { "201 ": stored, "429 400979": toldToComeBack, ...others } = tally(await Promise.all(answers));
    expect(others).toEqual({});
    // One account has at most half of the places.
    expect(toldToComeBack).toBeLessThan(FLOOD / 2 + 1_500);
    const database = openBeside(siege.dataDir);
    expect(count(database)).toBe(stored as number);
    database.close();
    say(`${FLOOD} writes at once: ${stored} stored, ${toldToComeBack} told to come back`);

    // Again, with nothing blocked: everything works as before.
    const again = tally(
      await Promise.all(wires.map((wire) => outcome(wire.call("POST", "/twins", { headers, body: "{}" })))),
    );
    say(`and again, unhindered: ${JSON.stringify(again)}`);
    expect((again["201 "] ?? 0) + (again["429 400979"] ?? 0)).toBe(FLOOD);
    expect(verdict(await siege.call("POST", "/twins", "{}"))).toBe("201 ");
    await siege.expectUnharmed({ growthMb: 400 });
  },
);

test("callers that disconnect during a request leave nothing behind", async () => {
  await using siege = await openSiege();
  const partial = head("POST /twins", { ...siege.headers, "content-length": "1000" });
  const whole = Buffer.concat(requestBytes("POST", "/twins", { headers: siege.headers, body: "{}" })).toString(
    "latin1",
  );
  for (let round = 0; round < 5; round++) {
    const wires = await siege.openMany(600);
    for (const [i, wire] of wires.entries()) wire.send([partial, `${partial}{"description"`, whole][i % 3] ?? "");
    await Promise.all(wires.map((wire) => wire.flushed()));
    // The server has processed all of them once it has answered a later request.
    expect(verdict(await siege.call("POST", "/twins", "{}"))).toBe("201 ");
    for (const wire of wires) wire.abort();
    await Promise.all(wires.map(({ ended }) => ended));
  }
  expect(verdict(await siege.call("POST", "/twins", "{}"))).toBe("201 ");
  await siege.expectUnharmed();
});

test("requests without a host, or with a strange one, are answered like any other", async () => {
  await using siege = await openSiege();
  const { secret } = siege.account;
  const requests = [
    `GET /whoami HTTP/1.0\r\nauthorization: ${secret}\r\n\r\n`,
    `GET /whoami HTTP/1.1\r\nhost:\r\nauthorization: ${secret}\r\n\r\n`,
    `GET /whoami HTTP/1.1\r\nhost: a b\r\nauthorization: ${secret}\r\n\r\n`,
    `GET http://elsewhere.test/whoami HTTP/1.1\r\nhost: x\r\nauthorization: ${secret}\r\n\r\n`,
    `GET /whoami/ HTTP/1.1\r\nhost: x:99999\r\nauthorization: ${secret}\r\n\r\n`,
  ];
  for (const request of requests) {
    const wire = await siege.open();
    wire.send(request);
    expect([request, await outcome(wire.answer())]).toEqual([request, "200 "]);
  }
  await siege.expectUnharmed();
});
