import { expect, test } from "bun:test";
import { createMonitoringApp } from "../../src/http/monitoring.ts";
import { readExposition } from "../support/http/exposition.ts";
import { newTwin } from "../support/world/ledger.ts";
import { openWorld, type World } from "../support/world/world.ts";

// Health and figures as whoever runs the server asks for them, through the app.

const PATHS = ["/healthz", "/readyz", "/metrics"];
const REQUESTS = "twinpost_http_requests_total";
const SECONDS = "twinpost_http_request_duration_seconds_count";
type Asks = (path: string, method?: string) => Promise<Response>;

/** Asks where REST is, without taking the answer for JSON. */
const asks = (world: World): Asks => {
  const url = world.listen();
  return (path, method = "GET") => fetch(url + path, { method });
};
const figuresOf = async (ask: Asks) => readExposition(await (await ask("/metrics")).text());

test("a server that lives and takes writes says so, to anybody and in a word", async () => {
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

test("a server that is told to stop is alive, and not ready any more", async () => {
  await using world = await openWorld();
  const ask = asks(world);
  world.stopping.abort();
  const ready = await ask("/readyz");
  expect([ready.status, await ready.text()]).toEqual([503, "not ready: the server is stopping\n"]);
  expect((await ask("/readyz", "HEAD")).status).toBe(503);
  expect((await ask("/healthz")).status).toBe(200);
});

test("they are no operations of an API: no document has them, other methods are not found, and they are not counted", async () => {
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

test("with an address of their own they are there, nothing else is, and the API does not know them", async () => {
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
  // A bug of ours.
  await world.store.close();
  await company.call("GET", `/twins/${twin}`);
  expect((await figuresOf(ask)).sum(REQUESTS, { operation: "get_twin", status: "5xx" })).toBe(1);
});

test("an operation that both APIs have is counted where it was called, and by any of its paths", async () => {
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

test("whatever paths, methods and ids are asked for, there are not more figures for it", async () => {
  await using world = await openWorld();
  const ask = asks(world);
  const company = await world.createAccount();
  /** Everything that a figure is told apart by, once histograms have shown themselves. */
  const told = async () => {
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
  const before = await told();
  const ids = [await odd(1), await odd(2), await odd(3)];
  const after = await told();
  expect(after.count).toBe(before.count);
  for (const word of [...ids, company.account, company.user, "nowhere", "PROPFIND"])
    expect(after.text).not.toContain(word);
});
