import { expect, test } from "bun:test";
import { createMonitoringApp } from "../../src/http/monitoring.ts";
import { readExposition } from "../support/http/exposition.ts";
import { newTwin } from "../support/world/ledger.ts";
import { openWorld, type World } from "../support/world/world.ts";

// Health and metrics, as the operator requests them, through the app.

const PATHS = ["/healthz", "/readyz", "/metrics"];
const REQUESTS = "twinpost_http_requests_total";
const SECONDS = "twinpost_http_request_duration_seconds_count";
type Asks = (path: string, method?: string) => Promise<Response>;

/** Requests the address of REST, without parsing the response as JSON. */
const asks = (world: World): Asks => {
  const url = world.listen();
  return (path, method = "GET") => fetch(url + path, { method });
};
const figuresOf = async (ask: Asks) => readExposition(await (await ask("/metrics")).text());

test("a running server that accepts writes reports so, in one word and without authentication", async () => {
  await using world = await openWorld();
  const ask = asks(world);
  for (const [path, says] of [
    ["/healthz", "alive\n"],
    ["/readyz", "ready\n"],
  ] as const) {
    const answer = await ask(path);
    expect([answer.status, await answer.text()]).toEqual([200, says]);
  }
  for (const path of PATHS) {
    const { status, headers } = await ask(path);
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect(headers.get("content-type")).toStartWith("text/plain; ");
    const head = await ask(path, "HEAD");
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
      200,
      headers.get("content-type"),
      "",
    ]);
  }
});

test("during shutdown a server is alive but not ready", async () => {
  await using world = await openWorld();
  const ask = asks(world);
  world.stopping.abort();
  const ready = await ask("/readyz");
  expect([ready.status, await ready.text()]).toEqual([503, "not ready: the server is stopping\n"]);
  expect((await ask("/readyz", "HEAD")).status).toBe(503);
  expect((await ask("/healthz")).status).toBe(200);
});

test("monitoring paths are not in the API's documents, reject other methods, and are not counted", async () => {
  await using world = await openWorld();
  const ask = asks(world);
  for (const document of ["/openapi.json", "/iot/v1/openapi.json"]) {
    const { paths } = (await (await ask(document)).json()) as { paths: object };
    for (const path of PATHS) expect(paths).not.toHaveProperty([path]);
  }
  for (const path of PATHS) await ask(path);
  const { sum } = await figuresOf(ask);
  expect(sum(REQUESTS)).toBe(0);
  for (const path of PATHS) {
    const { status, body } = await world.call("POST", path);
    expect([status, body.subcode]).toEqual([404, 404_653]);
  }
});

test("an address of its own serves monitoring and nothing else, and the API's address does not serve it", async () => {
  await using world = await openWorld({ admin: "127.0.0.1:0" });
  const { authorization } = await world.createAccount();
  const admin = createMonitoringApp(world.deps);
  const ask: Asks = async (path, method = "GET") =>
    admin.fetch(new Request(`http://admin.test${path}`, { method, headers: { authorization } }));
  for (const path of PATHS) {
    expect((await ask(path)).status).toBe(200);
    const { status, body } = await world.call("GET", path);
    expect([status, body.subcode, body.description]).toEqual([404, 404_653, "Resource not found."]);
  }
  for (const [path, method] of [
    ["/", "GET"],
    ["/whoami", "GET"],
    ["/openapi.json", "GET"],
    ["/metrics/x", "GET"],
    ["/metrics", "POST"],
    ["/healthz", "DELETE"],
  ] as const) {
    const answer = await ask(path, method);
    expect([path, answer.status, await answer.text()]).toEqual([
      path,
      404,
      "here are /healthz, /readyz and /metrics\n",
    ]);
  }
});

test("requests are counted by operation and status, each once, and timed", async () => {
  await using world = await openWorld();
  const ask = asks(world);
  const company = await world.createAccount();
  const twin = await newTwin(company);
  for (let n = 0; n < 3; n++) await company.call("GET", `/twins/${twin}`);
  await company.call("GET", `/twins/${crypto.randomUUID()}`);
  await company.call("GET", "/twins/x");
  await world.call("GET", `/twins/${twin}`);
  const { sum } = await figuresOf(ask);
  const of = (operation: string, status: string) => sum(REQUESTS, { api: "account", operation, status });
  expect([of("get_twin", "2xx"), of("get_twin", "4xx"), of("get_twin", "5xx")]).toEqual([3, 3, 0]);
  expect(of("create_twin", "2xx")).toBe(1);
  expect([sum(REQUESTS), sum(SECONDS)]).toEqual([7, 7]);
  expect(sum(SECONDS, { operation: "get_twin" })).toBe(6);
  // An internal error.
  await world.store.close();
  await company.call("GET", `/twins/${twin}`);
  expect((await figuresOf(ask)).sum(REQUESTS, { operation: "get_twin", status: "5xx" })).toBe(1);
});

test("an operation of both APIs is counted for the API that was called, on any of its paths", async () => {
  await using world = await openWorld();
  const ask = asks(world);
  const company = await world.createAccount();
  const twin = await newTwin(company);
  await company.call("PUT", `/twins/${twin}/documents/a`, { data: {} });
  const headers = { "x-auth-token": company.token };
  const hubPath = `/iot/v1/regions/fr-par/twins/${twin}/documents/a`;
  await world.call("GET", hubPath, { headers });
  await world.call("PATCH", hubPath, { headers, body: { data: {} } });
  await world.call("PATCH", `${hubPath}/patch`, { headers, body: { data: {} } });
  const { sum } = await figuresOf(ask);
  expect(sum(REQUESTS, { api: "account", operation: "put_twin_document" })).toBe(1);
  expect(sum(REQUESTS, { api: "hub", operation: "put_twin_document" })).toBe(0);
  expect(sum(REQUESTS, { api: "hub", operation: "get_twin_document" })).toBe(1);
  expect(sum(REQUESTS, { api: "hub", operation: "patch_twin_document" })).toBe(2);
});

test("arbitrary paths, methods and ids create no new series", async () => {
  await using world = await openWorld();
  const ask = asks(world);
  const company = await world.createAccount();
  /** All label sets, once histograms have appeared. */
  const labelSets = async () => {
    const { families } = await figuresOf(ask);
    const labels = [...families.values()].flatMap(({ samples }) =>
      samples.map((sample) => JSON.stringify(sample.labels)),
    );
    return { count: labels.length, text: labels.join("\n") };
  };
  const odd = async (n: number) => {
    const id = crypto.randomUUID();
    for (const path of [
      `/${id}`,
      `/nowhere/${n}`,
      `/iot/v1/${n}`,
      `/twins/${id}`,
      `/twins/x${n}`,
      "/%00",
      "//",
      `/?${n}`,
    ]) {
      for (const method of ["GET", "POST", "PROPFIND", `M${n}`]) await company.call(method, path);
    }
    return id;
  };
  await odd(0);
  const before = await labelSets();
  const ids = [await odd(1), await odd(2), await odd(3)];
  const after = await labelSets();
  expect(after.count).toBe(before.count);
  for (const word of [...ids, company.account, company.user, "nowhere", "PROPFIND"])
    expect(after.text).not.toContain(word);
});
