import { expect, setDefaultTimeout, test } from "bun:test";
import { HUB } from "../../support/world/hub.ts";
import { openSiege, say } from "../server/attacked-server.ts";
import { head, MB, outcome, tally, verdict } from "../server/request-outcome.ts";

setDefaultTimeout(60_000);

/** A siege with a device, and access to its documents through either API. */
async function openDocuments() {
  const siege = await openSiege();
  const headers = { "x-auth-token": siege.account.token };
  const wire = await siege.open();
  const call = async (method: string, path: string, body?: unknown) => {
    const { text } = await wire.call(method, HUB + path, { headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return JSON.parse(text);
  };
  const hub = await call("POST", "/hubs", { name: "hub" });
  const { device } = await call("POST", "/devices", { hub_id: hub.id, name: "panel" });
  const path = `/twins/${device.id}/documents/d`;
  return {
    siege,
    path,
    surfaces: [
      { path, headers: siege.headers },
      { path: HUB + path, headers },
    ],
    [Symbol.asyncDispose]: () => siege[Symbol.asyncDispose](),
  };
}

const status = (verdict: string) => verdict.split(" ")[0];

test("both APIs refuse a body over 4 MiB, with or without Content-Length, and read a body of exactly 4 MiB", async () => {
  await using d = await openDocuments();
  const bodyOf = (byteCount: number) => `{"data":{"a":"${"x".repeat(byteCount - 17)}"}}`;
  for (const { path, headers } of d.surfaces) {
    for (const [byteCount, told] of [
      [4 * MB, "larger than 1048576 bytes"],
      [4 * MB + 1, "larger than 4194304 bytes"],
    ] as const) {
      const body = bodyOf(byteCount);
      expect(body.length).toBe(byteCount);
      const wire = await d.siege.open();
      const announced = await wire.call("PUT", path, { headers, body });
      expect([announced.status, announced.text.includes(told)]).toEqual([400, true]);
      const chunks = [`${body.length.toString(16)}\r\n`, body, "\r\n0\r\n\r\n"];
      wire.send(head(`PUT ${path}`, { ...headers, "transfer-encoding": "chunked" }), ...chunks);
      const chunked = await wire.answer();
      expect([chunked.status, chunked.text.includes(told)]).toEqual([400, true]);
    }
  }
  await d.siege.expectUnharmed({ growthMb: 250 });
});

test("hostile bodies are refused by either API, and nothing of them is stored", async () => {
  await using d = await openDocuments();
  const bodies = [
    "{",
    "[]",
    "null",
    '"x"',
    "",
    '{"data":',
    '{"data":{}}x',
    '{"data":{"a":1e999}}',
    '{"data":{"a":"\\ud800"}}',
    '{"data":{"\\udc00":1}}',
    '{"__proto__":{"data":{}}}',
    '{"data":[]}',
    '{"data":{},"version":1e99}',
    `{"data":${'{"a":'.repeat(65)}1${"}".repeat(65)}}`,
    `{"data":{"a":${"[".repeat(1_000_000)}`,
    `{"version":${"[".repeat(100)}${"]".repeat(100)},"data":{}}`,
    new Uint8Array([...Buffer.from('{"data":{"a":"'), 0xff, ...Buffer.from('"}}')]),
  ];
  for (const { path, headers } of d.surfaces) {
    for (const method of ["PUT", "PATCH"]) {
      for (const [index, body] of bodies.entries()) {
        const wire = await d.siege.open();
        const found = verdict(await wire.call(method, path, { headers, body }));
        expect([method, index, status(found)]).toEqual([method, index, "400"]);
        wire.close();
      }
    }
    const none = await (await d.siege.open()).call("GET", path, { headers });
    expect(none.status).toBe(404);
  }
  await d.siege.expectUnharmed({ growthMb: 100 });
});

/** A megabyte that needs as much work as a document can. */
const heavy = {
  "empty arrays": `{"data":{"a":[${"[],".repeat(340_000)}0]}}`,
  "many keys": `{"data":{${Array.from({ length: 95_000 }, (_, i) => `"${i.toString(36)}":{}`).join(",")}}}`,
  "one text": `{"data":{"a":"${"x".repeat(1_040_000)}"}}`,
};

test("documents of a megabyte, made to need as much work as possible and written and patched at once, do not stall others", async () => {
  await using d = await openDocuments();
  const wires = await d.siege.openMany(60);
  for (const [what, body] of Object.entries(heavy)) {
    for (const { path, headers } of d.surfaces) {
      const began = performance.now();
      const answers = wires.map((wire, index) => {
        const method = index % 2 ? "PUT" : "PATCH";
        return outcome(wire.call(method, path, { headers, body: index % 4 === 2 ? '{"data":{"n":1}}' : body }));
      });
      const found = tally((await Promise.all(answers)).map((verdict) => status(verdict) ?? ""));
      const ms = Math.round(performance.now() - began);
      const { nowMb, peakMb } = d.siege.memory();
      say(`60 of ${what}: ${JSON.stringify(found)} in ${ms} ms; ${nowMb} MB, peak ${peakMb} MB`);
      // A patch is refused if the document would grow too large, or if it arrives before there is a document.
      expect(Object.keys(found).every((code) => ["200", "400", "404", "429"].includes(code))).toBe(true);
      expect(found["200"]).toBeGreaterThan(5);
    }
  }
  // A megabyte of 95 000 keys takes a quarter of a second of parsing, merging and writing, during which no other
  // request is served; two such pieces of work may follow each other.
  await d.siege.expectUnharmed({ growthMb: 600, stallMs: 2_500 });
});
