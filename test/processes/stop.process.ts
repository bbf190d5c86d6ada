import { expect, test } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { startDns } from "../support/http/dns-server.ts";
import { startReceiver } from "../support/notifications/receiver.ts";
import { createAccount, startServer, temporaryFolder } from "../support/process/server-process.ts";

// The manual's promise about a stop: at most ten seconds, whatever hangs.

const STOP_MS = 10_000;

/**
 * A server with a hundred subscriptions to names that no DNS server answers and some to receivers that hang, all in
 * flight.
 */
async function startBesieged() {
  await using stack = new AsyncDisposableStack();
  const dns = stack.use(
    await startDns((name) => (name.endsWith("slow.test") ? undefined : { addresses: ["127.0.0.1"] })),
  );
  const hanging = stack.use(startReceiver(() => new Promise(() => {})));
  const { path: dataDir } = stack.use(temporaryFolder());
  const { secret } = await createAccount({ dataDir });
  const env = { TWINPOST_DNS: dns.server, TWINPOST_WEBHOOK_ALLOW: "127.0.0.0/8" };
  const server = stack.use(await startServer({ dataDir, env }));
  const post = (path: string, body: unknown) =>
    fetch(`${server.url}${path}`, { method: "POST", headers: { authorization: secret }, body: JSON.stringify(body) });
  for (let n = 0; n < 100; n++) {
    const callback_url = n % 10 === 0 ? `http://hooks.test:${hanging.port}/` : `http://h${n}.slow.test/`;
    expect((await post("/notifications/webhooks", { callback_url, topic: "x" })).status).toBe(201);
  }
  await Promise.all([dns.wasAsked(8), hanging.arrived(5)]);
  const opened = stack.move();
  return { server, dataDir, post, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function timed<Result>(run: () => Promise<Result>): Promise<{ result: Result; ms: number }> {
  const began = performance.now();
  return { result: await run(), ms: performance.now() - began };
}

test("a stop takes at most ten seconds while a hundred lookups and receivers hang, and exits cleanly", async () => {
  await using besieged = await startBesieged();
  const { result, ms } = await timed(() => besieged.server.end());
  expect(result).toBe(0);
  expect(ms).toBeLessThan(STOP_MS);
}, 60_000);

test("a second signal ends the process at once", async () => {
  await using besieged = await startBesieged();
  const { server } = besieged;
  process.kill(server.pid, "SIGTERM");
  // The stop has begun once it is reported.
  while ((await fetch(`${server.url}/readyz`)).status !== 503);
  const { result, ms } = await timed(() => server.end("SIGINT"));
  expect(result).toBe(1);
  expect(ms).toBeLessThan(STOP_MS / 4);
}, 60_000);

/** Locks the database against every write, once the server is between two of its own. */
async function hold(connection: Connection): Promise<void> {
  for (;;) {
    try {
      return void connection.run("BEGIN IMMEDIATE");
    } catch {
      await Bun.sleep(1);
    }
  }
}

test("a stop takes at most ten seconds while the database accepts no write, and logs that it was cut short", async () => {
  await using besieged = await startBesieged();
  const { server, dataDir, post } = besieged;
  const other = new Connection(join(dataDir, "twinpost.db"));
  await hold(other);
  const waiting = post("/twins", {}).catch(() => undefined);
  const { result, ms } = await timed(() => server.end());
  other.run("ROLLBACK");
  other.close();
  await waiting;
  expect(result).toBe(1);
  expect(ms).toBeLessThan(STOP_MS);
}, 60_000);
