import { expect, setDefaultTimeout, test } from "bun:test";
import { openBeside } from "../audit/journal-audit.ts";
import { openSiege, say } from "../server/attacked-server.ts";
import { head, KB, MB, outcome, tally, verdict } from "../server/request-outcome.ts";

setDefaultTimeout(60_000);

test("a body of 100 MB is refused without being buffered, with or without Content-Length, with or without a secret", async () => {
  await using siege = await openSiege();
  const filling = new Uint8Array(MB).fill(0x20);
  for (const headers of [siege.headers, {}]) {
    const expected = "authorization" in headers ? "400 400141" : "401 401000";
    const sendings = {
      announced: { begin: { "content-length": `${100 * MB}` }, part: [filling], end: "" },
      chunked: { begin: { "transfer-encoding": "chunked" }, part: ["100000\r\n", filling, "\r\n"], end: "0\r\n\r\n" },
    };
    for (const { begin, part, end } of Object.values(sendings)) {
      const wires = await siege.openMany(4);
      const sending = wires.map(async (wire) => {
        wire.send(head("POST /twins", { ...headers, ...begin }));
        for (let i = 0; i < 100; i++) {
          wire.send(...part);
          await wire.flushed();
        }
        if (wire.isOpen) wire.send(end);
        expect(await outcome(wire.answer())).toBe(expected);
        // The rest is not read: the connection closes after the response.
        await wire.ended;
      });
      await Promise.all(sending);
    }
    // If announced, it is refused before any of it is sent.
    const wire = await siege.open();
    wire.send(head("POST /twins", { ...headers, "content-length": `${100 * MB}` }));
    expect(await outcome(wire.answer())).toBe(expected);
  }
  await siege.expectUnharmed();
});

test("a body of exactly 64 kB is accepted, and one byte more is refused", async () => {
  await using siege = await openSiege();
  const bodyOf = (byteCount: number) => `{"description":{"a":"${"x".repeat(byteCount - 24)}"}}`;
  const chunked = (body: string) => [`${body.length.toString(16)}\r\n`, body, "\r\n0\r\n\r\n"];
  for (const [byteCount, expected] of [
    [64 * KB, "201 "],
    [64 * KB + 1, "400 400141"],
  ] as const) {
    const body = bodyOf(byteCount);
    expect(body.length).toBe(byteCount);
    expect(verdict(await siege.call("POST", "/twins", body))).toBe(expected);
    const wire = await siege.open();
    wire.send(head("POST /twins", { ...siege.headers, "transfer-encoding": "chunked" }), ...chunked(body));
    expect(await outcome(wire.answer())).toBe(expected);
  }
});

test("nested arrays are refused: a megabyte of them as too large, 60 kB of them as JSON nested too deeply", async () => {
  await using siege = await openSiege();
  for (const [count, expected] of [
    [500_000, "400 400141"],
    [30_000, "400 400415"],
  ] as const) {
    expect(verdict(await siege.call("POST", "/twins", "[".repeat(count) + "]".repeat(count)))).toBe(expected);
    expect(verdict(await siege.call("POST", "/twins", "[".repeat(count)))).toBe(expected);
    const objects = `{"description":${'{"a":'.repeat(count / 3)}1${"}".repeat(count / 3)}}`;
    expect(verdict(await siege.call("POST", "/twins", objects))).toBe(expected);
  }
  await siege.expectUnharmed();
});

test("__proto__ and constructor are ordinary keys, and affect no other request", async () => {
  await using siege = await openSiege();
  const text =
    '{"__proto__":{"polluted":true,"toString":null},"constructor":{"prototype":{"polluted":true}},"hidden":{"__proto__":[1]}}';
  const created = await siege.call("POST", "/twins", `{"description":${text},"__proto__":{"description":{"a":1}}}`);
  expect(created.status).toBe(201);
  expect(created.text).toContain(`"description":${text}`);
  const { uuid } = JSON.parse(created.text).creation_certificate;
  expect((await siege.call("GET", `/twins/${uuid}`)).text).toBe(created.text);
  expect((await siege.call("PATCH", `/twins/${uuid}`, `{"description":${text}}`)).text).toContain(text);

  // A body whose prototype has a description has none itself.
  const bare = await siege.call("POST", "/twins", '{"__proto__":{"description":{"a":1}}}');
  expect([bare.status, "description" in JSON.parse(bare.text)]).toEqual([201, false]);
  expect(verdict(await siege.call("GET", "/twins?__proto__=1&constructor=2&toString=3"))).toBe("200 ");
  expect(verdict(await siege.call("POST", "/users", '{"__proto__":{"role":"x"}}'))).toBe("400 400589");
  await siege.expectUnharmed();
});

test("ill-formed text is refused, in values and in keys", async () => {
  await using siege = await openSiege();
  const escapes = ["\\ud800", "\\udfff", "\\udc00\\ud800", "\\ud83d", "a\\ud800b", "\\ud83d\\ud83d\\ude00"];
  for (const lone of escapes) {
    for (const body of [`{"description":{"a":"${lone}"}}`, `{"description":{"a":{"${lone}":1}}}`]) {
      expect([lone, verdict(await siege.call("POST", "/twins", body))]).toEqual([lone, "400 400314"]);
    }
  }
  expect(verdict(await siege.call("POST", "/twins", '{"description":{"a":"\\ud83d\\ude00"}}'))).toBe("201 ");

  const illFormed = {
    "a byte that never occurs": [0xff],
    "a continuation alone": [0x80],
    "a sequence cut short": [0xe2, 0x82],
    "an overlong slash": [0xc0, 0xaf],
    "an overlong NUL": [0xc0, 0x80],
    "a surrogate": [0xed, 0xa0, 0x80],
    "beyond Unicode": [0xf4, 0x90, 0x80, 0x80],
  };
  for (const [what, bytes] of Object.entries(illFormed)) {
    const body = Buffer.concat([Buffer.from('{"description":{"a":"'), Buffer.from(bytes), Buffer.from('"}}')]);
    expect([what, verdict(await siege.call("POST", "/twins", body))]).toEqual([what, "400 400314"]);
  }
  await siege.expectUnharmed();
});

test("NUL is kept as data in descriptions, and refused in names, paths and queries", async () => {
  await using siege = await openSiege();
  const description = String.raw`{"a":"\u0000","b":["x\u0000y"],"c":{"\u0000":"\u0000\u0000"}}`;
  const created = await siege.call("POST", "/twins", `{"description":${description}}`);
  expect(created.text).toContain(`"description":${description}`);
  const { uuid } = JSON.parse(created.text).creation_certificate;
  expect((await siege.call("GET", `/twins/${uuid}`)).text).toBe(created.text);
  const database = openBeside(siege.dataDir);
  expect(database.get("SELECT description FROM twins")?.["description"]).toBe(description);
  database.close();

  const { role, account } = siege.account;
  const refused = [
    ["POST", "/users", `{"role":"${role}","name":"a\\u0000b"}`, "400 400589"],
    ["POST", "/users", `{"role":"${role}\\u0000"}`, "400 400589"],
    ["POST", "/roles", '{"name":"a\\u0000b"}', "400 400589"],
    ["POST", "/roles", '{"statement":{"effect":"allow","actions":["get_twin\\u0000"]}}', "400 400589"],
    ["POST", "/twins", '{"description":{"a\\u0000":1}}', "400 400589"],
    ["GET", "/twins/%00", undefined, "400 400592"],
    ["GET", `/twins/${uuid}%00`, undefined, "400 400592"],
    ["PATCH", "/users/%00", "{}", "400 400592"],
    ["DELETE", `/roles/${role}%00`, undefined, "400 400592"],
    ["GET", "/twins?cursor=%00", undefined, "400 400592"],
    ["GET", `/twins?cursor=${Buffer.from("\0").toString("base64")}`, undefined, "400 400592"],
    ["GET", "/twins?count=1%00", undefined, "400 400592"],
    ["GET", `/twins/${uuid}?show_terminated=true%00`, undefined, "400 400592"],
    ["POST", `/secrets/${account}%00/ABC123`, undefined, "400 400592"],
    // A PIN is only ever hashed, so one that cannot be valid is merely an unknown PIN.
    ["POST", `/secrets/${account}/%00`, undefined, "404 404653"],
    ["GET", "/%00", undefined, "404 404653"],
  ] as const;
  for (const [method, path, body, expected] of refused) {
    const found = verdict(await siege.call(method, path, body));
    expect([method, path, body, found]).toEqual([method, path, body, expected]);
  }
  await siege.expectUnharmed();
});

test("numbers that no double can hold are refused, and so is anything that only looks like a number", async () => {
  await using siege = await openSiege();
  for (const number of [
    "1e999",
    "-1e999",
    "1e309",
    `1${"0".repeat(400)}`,
    "NaN",
    "Infinity",
    "0x10",
    "01",
    "+1",
    ".5",
  ]) {
    const found = verdict(await siege.call("POST", "/twins", `{"description":{"a":${number}}}`));
    expect([number, found]).toEqual([number, "400 400415"]);
  }
  for (const number of ["1e308", "-0", "5e-324", "1e-999"]) {
    expect(verdict(await siege.call("POST", "/twins", `{"description":{"a":[${number}]}}`))).toBe("201 ");
  }
  await siege.expectUnharmed();
});

/** Bodies of 64 kB that need as much work as JSON of that size can. */
const heavy = {
  "empty arrays": `{"description":{"a":[${"[],".repeat(21_800)}0]}}`,
  "empty objects": `{"description":{"a":[${"{},".repeat(21_800)}0]}}`,
  "many keys": `{"description":{"a":{${Array.from({ length: 6_500 }, (_, i) => `"${i.toString(36)}":0,`).join("")}"z":0}}}`,
  "one text": `{"description":{"a":"${"x".repeat(65_000)}"}}`,
};

test("500 bodies of 64 kB at once, made to need as much work as possible, neither stall others nor fill the memory", async () => {
  await using siege = await openSiege();
  const wires = await siege.openMany(500);
  for (const [what, body] of Object.entries(heavy)) {
    expect(body.length).toBeLessThanOrEqual(64 * KB);
    const began = performance.now();
    const answers = wires.map((wire) => outcome(wire.call("POST", "/twins", { headers: siege.headers, body })));
    const found = tally(await Promise.all(answers));
    const { nowMb, peakMb } = siege.memory();
    const ms = Math.round(performance.now() - began);
    say(`500 of ${what}: ${JSON.stringify(found)} in ${ms} ms; ${nowMb} MB, peak ${peakMb} MB`);
    expect((found["201 "] ?? 0) + (found["429 400979"] ?? 0)).toBe(500);
    expect(found["201 "]).toBeGreaterThan(50);
  }
  await siege.expectUnharmed({ growthMb: 400 });
});

test("no request needs much more work than its size: none blocks others for long", async () => {
  await using siege = await openSiege();
  const { role } = siege.account;
  const list = (count: number, of: (i: number) => string) => Array.from({ length: count }, (_, i) => of(i)).join(",");
  const laborious: Record<string, [method: string, path: string, body?: string]> = {
    "unknown actions": ["POST", "/roles", `{"statement":{"effect":"allow","actions":[${list(21_000, () => '""')}]}}`],
    "known actions": ["POST", "/roles", `{"statement":{"effect":"allow","actions":[${list(8_000, () => '"trace"')}]}}`],
    "unknown options": ["POST", "/token", `{"options":[${list(21_000, () => '""')}]}`],
    "bad keys": ["POST", "/twins", `{"description":{${list(6_000, (i) => `"${i}":0`)}}}`],
    "unknown tables": ["POST", "/users", `{"role":"${role}","activity":{${list(3_000, (i) => `"a${i}":{"b":1}`)}}}`],
    "bad tables": ["POST", "/users", `{"role":"${role}","activity":{${list(6_000, (i) => `"A${i}":0`)}}}`],
    "many keys": ["POST", "/twins", heavy["many keys"]],
    "empty objects": ["POST", "/twins", heavy["empty objects"]],
    "a repeated parameter": ["GET", `/twins?${"a&".repeat(7_500)}`],
    "a repeated known parameter": ["GET", `/twins?${"count&".repeat(2_500)}`],
    "a deep path": ["GET", `/twins${"/a".repeat(7_000)}`],
    "an escaped path": ["GET", `/twins/${"%41".repeat(4_500)}`],
  };
  const wire = await siege.open();
  const slow: string[] = [];
  for (const [what, [method, path, body]] of Object.entries(laborious)) {
    let bestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      const { status } = await wire.call(method, path, { headers: siege.headers, ...(body && { body }) });
      bestMs = Math.min(bestMs, performance.now() - began);
      expect([what, status < 500]).toEqual([what, true]);
    }
    if (bestMs > 60) slow.push(`${what}: ${Math.round(bestMs)} ms`);
  }
  expect(slow).toEqual([]);
  await siege.expectUnharmed({ growthMb: 150 });
});

test("scans of many large twins at once neither stall others nor fill the memory", async () => {
  await using siege = await openSiege();
  const wires = await siege.openMany(20);
  const { headers } = siege;
  const body = heavy["one text"];
  const filling = wires.map(async (wire) => {
    for (let i = 0; i < 50; i++) expect(await outcome(wire.call("POST", "/twins", { headers, body }))).toBe("201 ");
  });
  await Promise.all(filling);
  const path = "/twins?count=1000&details=true";
  const bytes = (await Promise.all(wires.map((wire) => wire.call("GET", path, { headers })))).map(
    ({ text }) => text.length,
  );
  say(`20 scans of 1000 twins of 64 kB: ${Math.round((bytes[0] ?? 0) / MB)} MB each`);
  await siege.expectUnharmed({ growthMb: 400 });
});
