import { expect, test } from "bun:test";
import { type Answer, openWorld } from "../support/world/world.ts";

const statusAndSubcode = ({ status, body }: Answer) => [status, body.subcode];

test("an error response has a trace under which the log records the error", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const answer = await caller.call("GET", "/twins/x?secret=in-a-query");
  expect(Object.keys(answer.body).sort()).toEqual(["description", "subcode", "trace"]);
  expect(answer.headers.get("x-request-id")).toBe(answer.body.trace);
  const line = world.logged.find(({ trace }) => trace === answer.body.trace);
  expect(line).toMatchObject({
    level: "info",
    event: "http.refused",
    operation: "get_twin",
    method: "GET",
    status: 400,
    subcode: 400_592,
    address: "192.0.2.1",
  });
  expect(JSON.stringify(line)).not.toContain("in-a-query");
});

test("an internal error is logged with its stack, and its response reveals only a trace", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  await world.store.close();
  const answer = await caller.call("GET", "/account");
  expect(statusAndSubcode(answer)).toEqual([500, 500_000]);
  expect(answer.body.description).toBe("Internal error.");
  const line = world.logged.find(({ trace }) => trace === answer.body.trace);
  expect([line.level, line.event]).toEqual(["error", "http.failed"]);
  expect(line.error.stack).toContain("snapshots.ts");
});

test("a write that cannot be stored is refused as unavailable", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const write = caller.call("POST", "/twins");
  const closing = world.store.close();
  expect(statusAndSubcode(await write)).toEqual([500, 500_314]);
  await closing;
});

test("every response has a content type, no-store and the security headers", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  for (const path of ["/whoami", "/nowhere", "/twins/x"]) {
    const { headers } = await caller.call("GET", path);
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  }
});

test("an unknown path and a wrong method are not found, with and without credentials", async () => {
  await using world = await openWorld();
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/nowhere"],
    ["PUT", "/twins"],
    ["POST", "/whoami"],
    ["OPTIONS", "/twins"],
  ]) {
    expect(statusAndSubcode(await world.call(method as string, path as string))).toEqual([404, 404_653]);
  }
});

test("a trailing slash makes no difference", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const { uuid } = (await caller.call("POST", "/twins/")).body.creation_certificate;
  for (const path of [`/twins/${uuid}/`, "/whoami/", "/users/", `/users/${caller.user}/secrets/`, "/twins/?count=1"]) {
    expect((await caller.call("GET", path)).status).toBe(200);
  }
});

test("a body is checked in order: size, encoding, JSON, shape", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const send = async (raw: BodyInit, headers: Record<string, string> = {}) =>
    statusAndSubcode(await caller.call("POST", "/twins", undefined, { raw, headers }));
  const nested = (depth: number) => `{"description":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}}`;

  expect(await send(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toEqual([400, 400_314]);
  expect(await send('{"description":{"a":"\\ud800"}}')).toEqual([400, 400_314]);
  expect(await send('{"description":{"\\udc00":1}}')).toEqual([400, 400_314]);
  expect(await send('{"description":{"a":1e999}}')).toEqual([400, 400_415]);
  expect(await send('{"description":{"a":-1e999}}')).toEqual([400, 400_415]);
  for (const text of ["{", "[1,]", "nul", "{'a':1}", " ", '{"description":{"a":"\u0000"}}']) {
    expect([text, await send(text)]).toEqual([text, [400, 400_415]]);
  }
  for (const text of ["[]", "5", "0", "false", '""', '"text"', "true", '{"description":"text"}']) {
    expect([text, await send(text)]).toEqual([text, [400, 400_589]]);
  }
  expect(await send(nested(62))).toEqual([201, undefined]);
  expect(await send(nested(63))).toEqual([400, 400_415]);
  expect(await send("[".repeat(60_000))).toEqual([400, 400_415]);

  const filler = (length: number) => `{"description":{"a":"${"x".repeat(length - 24)}"}}`;
  expect(await send(filler(65_536))).toEqual([201, undefined]);
  expect(await send(filler(65_537))).toEqual([400, 400_141]);
  expect(await send("[".repeat(65_537))).toEqual([400, 400_141]);
});

test("no body, an empty one, {} and null are equivalent with every content type", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
    const headers = { "content-type": type };
    for (const raw of ["", "{}", "null"]) {
      expect((await caller.call("POST", "/twins", undefined, { raw, headers })).status).toBe(201);
    }
    const raw = '{"description":{"a":1}}';
    expect((await caller.call("POST", "/twins", undefined, { raw, headers })).body.description).toEqual({ a: 1 });
    expect((await caller.call("GET", "/whoami", undefined, { headers })).status).toBe(200);
  }
});

test("a custom dictionary is standard base64 of a JSON object, or the request is refused", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const send = async (value: string) =>
    statusAndSubcode(await caller.call("GET", "/whoami", undefined, { headers: { "x-trustedtwin": value } }));
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  expect(await send("eyJzZXJpYWwiOiJiMGYtNzc4MSIsInRlbmFudCI6Im5vcnRoIn0=")).toEqual([200, undefined]);
  for (const value of ["%", "e30", "e30=e30=", base64("{")]) {
    expect([value, await send(value)]).toEqual([value, [400, 400_415]]);
  }
  for (const text of ["[]", "5", '{"Upper":1}']) expect(await send(base64(text))).toEqual([400, 400_589]);
});

test("a chunked body is limited as it arrives", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const chunked = async (chunks: string[]) => {
    let pulled = 0;
    const body = new ReadableStream({
      pull(controller) {
        const chunk = chunks[pulled++];
        if (chunk === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(chunk));
      },
    });
    const headers = { authorization: caller.authorization, "transfer-encoding": "chunked" };
    const request = new Request("http://twinpost.test/twins", { method: "POST", body, headers });
    const response = await world.server.handle(request, () => "192.0.2.1");
    return { status: response.status, body: (await response.json()) as { subcode?: number }, pulled };
  };
  expect(await chunked(['{"descri', 'ption":{}}'])).toMatchObject({ status: 201 });
  const refused = await chunked(Array.from({ length: 1000 }, () => "x".repeat(1000)));
  expect([refused.status, refused.body.subcode]).toEqual([400, 400_141]);
  expect(refused.pulled).toBeLessThan(100);
});

test("booleans in a query are accepted in every supported form", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  await caller.call("POST", "/twins");
  for (const [text, details] of [
    ["True", true],
    ["true", true],
    ["1", true],
    ["FALSE", false],
    ["0", false],
  ] as const) {
    const { twins } = (await caller.call("GET", `/twins?details=${text}`)).body;
    expect(typeof twins[0]).toBe(details ? "object" : "string");
  }
});

test("other origins get no CORS headers unless they are allowed", async () => {
  const preflight = { origin: "https://app.example", "access-control-request-method": "PATCH" };
  await using closed = await openWorld();
  const refused = await closed.call("OPTIONS", "/whoami", { headers: preflight });
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([404, null]);

  await using world = await openWorld({ cors: "https://app.example, https://other.example" });
  const caller = await world.createAccount();
  const allowed = await world.call("OPTIONS", "/whoami", { headers: preflight });
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(allowed.headers.get("access-control-allow-methods")).toBe("GET,POST,PUT,PATCH,DELETE");
  expect(allowed.headers.get("access-control-allow-headers")).toBe(
    "Authorization,Content-Type,X-TrustedTwin,X-Auth-Token,If-Match",
  );
  for (const [path, status] of [
    ["/whoami", 200],
    ["/twins/x", 400],
    ["/nowhere", 404],
  ] as const) {
    const answer = await caller.call("GET", path, undefined, { headers: { origin: "https://other.example" } });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([
      status,
      "https://other.example",
    ]);
    expect(answer.headers.get("access-control-expose-headers")).toBe("ETag,Link");
  }
  const stranger = await caller.call("GET", "/whoami", undefined, { headers: { origin: "https://evil.example" } });
  expect(stranger.headers.get("access-control-allow-origin")).toBeNull();
});
