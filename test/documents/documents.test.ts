import { expect, test } from "bun:test";
import { deleteDocument } from "../../src/documents/delete-document.ts";
import { getDocument } from "../../src/documents/get-document.ts";
import { limitsOf } from "../../src/documents/limits.ts";
import { patchDocument } from "../../src/documents/patch-document.ts";
import { putDocument } from "../../src/documents/put-document.ts";
import { DomainError } from "../../src/kernel/failure.ts";
import { writeJson } from "../../src/kernel/json-text.ts";
import { type Answer, openWorld, type World } from "../support/world/world.ts";

const told = ({ status, body }: Answer) => [status, body.subcode];

async function openTwin(settings: Record<string, string> = {}) {
  const world = await openWorld(settings);
  const caller = await world.createAccount();
  const twin: string = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
  const path = (name: string) => `/twins/${twin}/documents/${name}`;
  return {
    world,
    caller,
    twin,
    path,
    put: (name: string, body: unknown, headers = {}) => caller.call("PUT", path(name), body, { headers }),
    patch: (name: string, body: unknown, headers = {}) => caller.call("PATCH", path(name), body, { headers }),
    get: (name: string) => caller.call("GET", path(name)),
    remove: (name: string, headers = {}) => caller.call("DELETE", path(name), undefined, { headers }),
    list: () => caller.call("GET", `/twins/${twin}/documents`),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

const eventsOf = (world: World) =>
  world.query("SELECT kind, data FROM events WHERE kind LIKE 'document.%' ORDER BY sequence");

test("a document is created with version 1, and each successful put and patch adds exactly 1", async () => {
  await using t = await openTwin();
  const created = await t.put("desired", { data: { alarm_armed: true } });
  const document = { twin_id: t.twin, document_name: "desired", version: 1, data: { alarm_armed: true } };
  expect([created.status, created.body, created.headers.get("etag")]).toEqual([200, document, '"1"']);
  expect((await t.put("desired", { data: { alarm_armed: true } })).body.version).toBe(2);
  expect((await t.patch("desired", { data: {} })).body).toMatchObject({ version: 3, data: { alarm_armed: true } });
  const read = await t.get("desired");
  expect([read.status, read.body, read.headers.get("etag")]).toEqual([200, { ...document, version: 3 }, '"3"']);
});

test("a panel cannot overwrite a document the phone has just changed", async () => {
  await using t = await openTwin();
  await t.put("shared", { data: { armed: true } });
  expect((await t.put("shared", { version: 1, data: { armed: false } })).body.version).toBe(2);
  for (const write of [t.put, t.patch]) {
    const refused = await write("shared", { version: 1, data: { armed: true } });
    expect([...told(refused), refused.body.description]).toEqual([
      400,
      400_979,
      "The document is at version 2, not 1.",
    ]);
  }
  expect((await t.get("shared")).body).toMatchObject({ version: 2, data: { armed: false } });
  expect((await t.put("shared", { version: 2, data: { armed: true } })).body.version).toBe(3);
});

test("no version, null, 0 and a decimal text are accepted; an invalid version is refused", async () => {
  await using t = await openTwin();
  const versions = [undefined, null, 0, "0", 4, "5"];
  for (const version of versions) expect((await t.put("d", { version, data: {} })).status).toBe(200);
  expect((await t.get("d")).body.version).toBe(6);
  for (const version of [-1, 1.5, 2 ** 32, "x", "1.0", "", true, [1], {}, "4294967296"]) {
    expect([version, ...told(await t.put("d", { version, data: {} }))]).toEqual([version, 400, 400_589]);
  }
  expect((await t.get("d")).body.version).toBe(6);
  expect(told(await t.put("other", { version: 1, data: {} }))).toEqual([400, 400_979]);
});

test("If-Match does what a version in the body does, and answers 412", async () => {
  await using t = await openTwin();
  await t.put("d", { data: { n: 1 } });
  expect((await t.put("d", { data: { n: 2 } }, { "if-match": '"1"' })).body.version).toBe(2);
  expect((await t.patch("d", { version: 2, data: { n: 3 } }, { "if-match": '"2"' })).body.version).toBe(3);
  for (const write of [t.put, t.patch]) {
    expect(told(await write("d", { data: { n: 4 } }, { "if-match": '"2"' }))).toEqual([412, 400_979]);
    expect(told(await write("d", { version: 2, data: {} }, { "if-match": '"3"' }))).toEqual([400, 400_589]);
    for (const header of ["3", '"03"', 'W/"3"', "*", '"3", "4"', '"x"', ""]) {
      expect([header, ...told(await write("d", { data: {} }, { "if-match": header }))]).toEqual([header, 400, 400_592]);
    }
  }
  expect(told(await t.remove("d", { "if-match": '"2"' }))).toEqual([412, 400_979]);
  expect((await t.get("d")).body).toMatchObject({ version: 3, data: { n: 3 } });
  expect((await t.remove("d", { "if-match": '"3"' })).status).toBe(204);
  expect(told(await t.remove("d", { "if-match": '"3"' }))).toEqual([412, 400_979]);
  expect(told(await t.put("d", { data: {} }, { "if-match": '"3"' }))).toEqual([412, 400_979]);
});

test("a patch never creates, and is merged by the rules or not at all", async () => {
  await using t = await openTwin();
  expect(told(await t.patch("d", { data: { a: 1 } }))).toEqual([404, 404_653]);
  expect(told(await t.patch("d", { version: 3, data: { a: 1 } }))).toEqual([404, 404_653]);
  await t.put("d", { data: { a: 1, b: { c: 2, d: 3 }, n: null } });
  expect((await t.patch("d", { data: { b: { c: null, e: 4 }, missing: null } })).body).toMatchObject({
    version: 2,
    data: { a: 1, b: { d: 3, e: 4 }, n: null },
  });
  expect(told(await t.patch("d", { data: { a: null, x: [1, null] } }))).toEqual([400, 400_589]);
  expect((await t.get("d")).body).toMatchObject({ version: 2, data: { a: 1 } });
});

test("data must be given and be an object; a null inside it is kept", async () => {
  await using t = await openTwin();
  for (const write of [t.put, t.patch]) {
    for (const body of [{}, { data: null }, { data: [] }, { data: "x" }, { data: 1 }, { version: 0 }, undefined]) {
      expect([body, ...told(await write("d", body))]).toEqual([body, 400, 400_589]);
    }
  }
  expect((await t.list()).body).toEqual({ documents: [] });
  const data = { a: null, b: [null, { c: null }] };
  expect((await t.put("_config", { data })).body.data).toEqual(data);
});

test("data is returned as it was sent: any keys, any text, any double", async () => {
  await using t = await openTwin();
  const text = '{"__proto__":{"a":1},"a.b/c":"\\u0000\\ud83d\\ude00 ü","":[[],{}],"constructor":1e300,"_x":-0.5}';
  const body = `{"data":${text},"twin_id":"ignored","document_name":"ignored"}`;
  const put = await t.caller.call("PUT", t.path("d"), undefined, { raw: body });
  expect(put.status).toBe(200);
  expect(JSON.stringify((await t.get("d")).body.data)).toBe(JSON.stringify(JSON.parse(text)));
  const patched = await t.caller.call("PATCH", t.path("d"), undefined, { raw: '{"data":{"__proto__":{"b":2}}}' });
  expect(JSON.stringify(patched.body.data)).toStartWith('{"__proto__":{"a":1,"b":2},');
});

test("names are letters, digits, dash, underscore, dot and tilde, and are case-sensitive", async () => {
  await using t = await openTwin();
  for (const name of ["a", "A", "_config", "_x", "-", "...", "~9.z", "x".repeat(255)]) {
    expect([name, (await t.put(name, { data: { name } })).status]).toEqual([name, 200]);
  }
  expect((await t.get("a")).body.data).toEqual({ name: "a" });
  for (const name of ["%20", "a%2Fb", "ä", "a,b", "x".repeat(256), "a%00", "%"]) {
    expect([name, ...told(await t.put(name, { data: {} }))]).toEqual([name, 400, 400_592]);
  }
});

test("documents are listed by name, and deleted one by one or all at once; a new one starts at 1 again", async () => {
  await using t = await openTwin();
  for (const name of ["desired", "current", "_config", "Z"]) await t.put(name, { data: {} });
  await t.put("current", { data: {} });
  const names = ["Z", "_config", "current", "desired"].map((document_name) => ({ document_name }));
  expect((await t.list()).body).toEqual({ documents: names });
  const removed = await t.remove("current");
  expect([removed.status, removed.body]).toEqual([204, ""]);
  for (const read of [t.get, t.remove]) expect(told(await read("current"))).toEqual([404, 404_653]);
  expect((await t.put("current", { data: {} })).body.version).toBe(1);
  const all = `/twins/${t.twin}/documents`;
  expect((await t.caller.call("DELETE", all)).status).toBe(204);
  expect((await t.caller.call("DELETE", all)).status).toBe(204);
  expect((await t.list()).body).toEqual({ documents: [] });
  expect(eventsOf(t.world).slice(-1)).toMatchObject([{ kind: "document.deleted" }]);
});

test("a terminated twin's documents can be read, but not written", async () => {
  await using t = await openTwin();
  await t.put("d", { data: { last: true } });
  await t.caller.call("DELETE", `/twins/${t.twin}`);
  expect((await t.get("d")).body.data).toEqual({ last: true });
  expect((await t.list()).body.documents).toHaveLength(1);
  for (const write of [t.put("d", { data: {} }), t.patch("d", { data: {} }), t.remove("d")]) {
    expect(told(await write)).toEqual([400, 400_979]);
  }
  expect(told(await t.caller.call("DELETE", `/twins/${t.twin}/documents`))).toEqual([400, 400_979]);
  expect((await t.get("d")).body.version).toBe(1);
});

test("another account's twin and one that does not exist get the same answer", async () => {
  await using t = await openTwin();
  await t.put("d", { data: { secret: 1 } });
  const stranger = await t.world.createAccount("Stranger");
  const absent = t.world.deps.random.uuid();
  const requests: [string, string, unknown?][] = [
    ["GET", "/documents/d"],
    ["GET", "/documents/x"],
    ["PUT", "/documents/d", { version: 7, data: {} }],
    ["PATCH", "/documents/d", { data: { a: [null] } }],
    ["DELETE", "/documents/d"],
    ["GET", "/documents"],
    ["DELETE", "/documents"],
  ];
  for (const [method, path, body] of requests) {
    const { trace: _, ...foreign } = (await stranger.call(method, `/twins/${t.twin}${path}`, body)).body;
    const { trace: __, ...missing } = (await stranger.call(method, `/twins/${absent}${path}`, body)).body;
    expect([method, path, foreign]).toEqual([method, path, missing]);
    expect(foreign.subcode).toBe(404_653);
  }
  expect((await t.get("d")).body.version).toBe(1);
});

test("the bytes and levels of a document are limited, and the documents of a twin", async () => {
  await using t = await openTwin({ "document-bytes": "100", "document-depth": "5", "documents-per-twin": "3" });
  const filled = (bytes: number) => ({ a: "x".repeat(bytes - '{"a":""}'.length) });
  expect((await t.put("d", { data: filled(100) })).status).toBe(200);
  expect(told(await t.put("d", { data: filled(101) }))).toEqual([400, 400_589]);
  expect(told(await t.put("d", { data: { a: "ü".repeat(60) } }))).toEqual([400, 400_589]);
  expect(told(await t.patch("d", { data: { b: 1 } }))).toEqual([400, 400_589]);
  expect((await t.patch("d", { data: { a: 1, b: "x".repeat(50) } })).status).toBe(200);
  const nested = (levels: number) => `{"data":${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}}`;
  const raw = (body: string) => t.caller.call("PUT", t.path("deep"), undefined, { raw: body });
  expect((await raw(nested(5))).status).toBe(200);
  expect(told(await raw(nested(6)))).toEqual([400, 400_415]);
  expect((await t.put("third", { data: {} })).status).toBe(200);
  expect(told(await t.put("fourth", { data: {} }))).toEqual([400, 400_979]);
  expect((await t.put("third", { data: {} })).status).toBe(200);
  await t.remove("third");
  expect((await t.put("fourth", { data: {} })).status).toBe(200);
});

test("by default a document has up to 1 MiB and 64 levels, and a request up to 4 MiB", async () => {
  await using t = await openTwin();
  const MIB = 1024 * 1024;
  const filled = (bytes: number) => ({ a: "x".repeat(bytes - '{"a":""}'.length) });
  expect((await t.put("d", { data: filled(MIB) })).status).toBe(200);
  expect((await t.get("d")).body.data).toEqual(filled(MIB));
  expect(told(await t.put("d", { data: filled(MIB + 1) }))).toEqual([400, 400_589]);
  expect(told(await t.put("d", { data: filled(4 * MIB) }))).toEqual([400, 400_141]);
  const levels = (count: number) => `{"data":${'{"a":'.repeat(count - 1)}{}${"}".repeat(count - 1)}}`;
  const raw = (body: string) => t.caller.call("PUT", t.path("deep"), undefined, { raw: body });
  expect((await raw(levels(64))).status).toBe(200);
  expect(told(await raw(levels(65)))).toEqual([400, 400_415]);
  expect((await t.caller.call("POST", "/twins", { description: { a: "x".repeat(70_000) } })).status).toBe(400);
});

test("a device gets, puts and patches its own documents by the same commands, and nothing else", async () => {
  await using t = await openTwin();
  const { store, config } = t.world.deps;
  const limits = limitsOf(config);
  const device = { kind: "device", accountId: t.caller.account, deviceId: t.twin } as const;
  const key = { twin: t.twin, name: "current" };
  const put = await store.write(putDocument, device, { ...key, version: 0, data: writeJson({ on: true }), limits });
  expect(put).toEqual({ twinId: t.twin, name: "current", version: 1, data: writeJson({ on: true }) });
  await store.write(patchDocument, device, { ...key, version: 1, patch: writeJson({ at: 1 }), limits });
  expect(store.read((reader) => getDocument(reader, device, key))).toMatchObject({ version: 2 });
  expect((await t.get("current")).body.data).toEqual({ on: true, at: 1 });
  expect(t.world.query("SELECT actor_kind, actor_id FROM events ORDER BY sequence DESC LIMIT 1")).toEqual([
    { actor_kind: "device", actor_id: t.twin },
  ]);
  const mismatch = store.write(putDocument, device, { ...key, version: 1, data: writeJson({}), limits });
  const { failure } = (await mismatch.catch((error) => error)) as DomainError;
  expect(failure).toEqual({ code: "version_mismatch", message: "document version mismatch", expected: 1, actual: 2 });

  const other = (await t.caller.call("POST", "/twins")).body.creation_certificate.uuid;
  const denied = new DomainError({ code: "forbidden", message: "permission denied" });
  for (const twin of [other, t.world.deps.random.uuid()]) {
    const write = store.write(putDocument, device, { twin, name: "x", version: 0, data: writeJson({}), limits });
    await expect(write).rejects.toThrow(denied.message);
    expect(() => store.read((reader) => getDocument(reader, device, { twin, name: "x" }))).toThrow(denied.message);
  }
  await expect(store.write(deleteDocument, device, { ...key, version: 0 })).rejects.toThrow(denied.message);
});

test("every change is journaled with its version, and the data or the patch", async () => {
  await using t = await openTwin();
  await t.put("d", { data: { a: 1 } });
  await t.patch("d", { data: { a: null, b: 2 } });
  await t.put("e", { data: {} });
  await t.remove("d");
  const events = eventsOf(t.world).map(({ kind, data }) => ({ kind, ...JSON.parse(data) }));
  expect(events).toEqual([
    { kind: "document.put", name: "d", version: 1, after: null, data: { a: 1 } },
    { kind: "document.patched", name: "d", version: 2, after: expect.any(Number), patch: { a: null, b: 2 } },
    { kind: "document.put", name: "e", version: 1, after: null, data: {} },
    { kind: "document.deleted", documents: [{ name: "d", version: 2, after: expect.any(Number) }] },
  ]);
});
