import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { readExposition } from "../support/http/exposition.ts";
import { canMount, fillUp, openDisk } from "../support/process/disks.ts";
import { createAccount, startServer, temporaryFolder } from "../support/process/server-process.ts";

// The real server with an address for health and metrics only.

async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return `127.0.0.1:${port}`;
}

async function startWithAdmin(dataDir: string) {
  const admin = await freeAddress();
  const server = await startServer({ dataDir, env: { TWINPOST_ADMIN: admin } });
  const ask = async (path: string) => {
    const answer = await fetch(`http://${admin}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  return { server, ask };
}

test("the admin address serves health and metrics only, and the REST address does not serve them", async () => {
  using folder = temporaryFolder();
  const { server, ask } = await startWithAdmin(folder.path);
  await using _ = server;
  expect(await ask("/healthz")).toEqual({ status: 200, text: "alive\n" });
  expect(await ask("/readyz")).toEqual({ status: 200, text: "ready\n" });
  for (const path of ["/whoami", "/openapi.json", "/iot/v1/openapi.json", "/"])
    expect((await ask(path)).status).toBe(404);
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    const answer = await fetch(server.url + path);
    expect([answer.status, await answer.json()]).toMatchObject([
      404,
      { subcode: 404_653, description: "Resource not found." },
    ]);
  }
  const { sum } = readExposition((await ask("/metrics")).text);
  expect(sum("twinpost_http_requests_total", { operation: "none", status: "4xx" })).toBe(3);
  expect(await server.end()).toBe(0);
});

test.skipIf(!canMount("tmpfs"))(
  "on a full disk the server is not ready, and ready again once there is space, without a restart",
  async () => {
    using disk = openDisk("tmpfs");
    const [dataDir, ballast] = [join(disk.path, "data"), join(disk.path, "ballast")];
    mkdirSync(dataDir);
    const { secret } = await createAccount({ dataDir });
    const { server, ask } = await startWithAdmin(dataDir);
    await using _ = server;
    const create = (filling: string) =>
      fetch(`${server.url}/twins`, {
        method: "POST",
        headers: { authorization: secret },
        body: JSON.stringify({ description: { filling } }),
      });
    expect(await ask("/readyz")).toEqual({ status: 200, text: "ready\n" });
    writeFileSync(ballast, new Uint8Array(1024 * 1024));
    fillUp(ballast);
    // The log has space of its own, until it is full too.
    let refused = 0;
    while (refused < 20) refused = (await create("x".repeat(20_000))).status === 500 ? refused + 1 : 0;

    const sentence = "not ready: the newest write could not be stored (the log says why); reads go on\n";
    expect(await ask("/readyz")).toEqual({ status: 503, text: sentence });
    expect((await ask("/healthz")).status).toBe(200);
    expect((await fetch(`${server.url}/whoami`, { headers: { authorization: secret } })).status).toBe(200);
    const full = readExposition((await ask("/metrics")).text);
    expect(full.sum("twinpost_store_writable")).toBe(0);
    expect(full.sum("twinpost_store_groups_lost_total")).toBeGreaterThanOrEqual(20);
    expect(full.sum("twinpost_store_disk_free_bytes")).toBe(0);
    expect(
      full.sum("twinpost_http_requests_total", { operation: "create_twin", status: "5xx" }),
    ).toBeGreaterThanOrEqual(20);

    rmSync(ballast);
    // The last failure is reported for a while; only the server itself writes.
    let answer = await ask("/readyz");
    while (answer.status === 503) answer = await ask("/readyz");
    expect(answer.text).toBe("ready\n");
    expect(readExposition((await ask("/metrics")).text).sum("twinpost_store_writable")).toBe(1);
    expect((await create("x")).status).toBe(201);
  },
  30_000,
);
