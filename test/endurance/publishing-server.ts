import { Authenticator } from "../../src/access/authenticate.ts";
import { loadConfig } from "../../src/config.ts";
import type { Deps } from "../../src/deps.ts";
import { createApp } from "../../src/http/app.ts";
import { Deliverer } from "../../src/jobs/deliverer.ts";
import { jobs } from "../../src/jobs/jobs.ts";
import { Scheduler } from "../../src/jobs/scheduler.ts";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { Tally } from "../../src/kernel/tally.ts";
import { Turns } from "../../src/kernel/turns.ts";
import { type Publication, publish } from "../../src/notifications/publish.ts";
import { serveHttp } from "../../src/platform/http.ts";
import { systemNet } from "../../src/platform/net.ts";
import { command } from "../../src/store/command.ts";
import { obtainKey } from "../../src/store/sealed-keys.ts";
import { openServerStore } from "../../src/store/store.ts";

// The server with one door more, `POST /publish`: an event as a change would publish it, answered once it is committed. For endurance
// tests and the bench, which ask only what becomes of what was published. Called like the server: `serve --data-dir DIR`.

const publishAlone = command("publish_alone", (tx, _actor, publication: Publication) => publish(tx, publication));

const dataDir = process.argv[process.argv.indexOf("--data-dir") + 1] as string;
const config = loadConfig({ "data-dir": dataDir, "webhook-allow": "127.0.0.0/8" });
const log = createLog(config.logLevel, systemClock.now, (line) => process.stderr.write(line));
const store = await openServerStore({ dataDir, clock: systemClock, random: systemRandom, log });
const userTokenKey = await obtainKey(store, "user-token-key", () => systemRandom.bytes(32));
const world = { clock: systemClock, random: systemRandom, net: systemNet() };
const inWork = { messages: new Tally(), largeWrites: new Turns() };
const deps: Deps = { store, ...world, ...inWork, log, config, userTokenKey };
const app = createApp(deps);
const authenticator = new Authenticator(deps);
const scheduler = new Scheduler(deps, jobs());
const deliverer = new Deliverer(deps);

async function takePublication(request: Request): Promise<Response> {
  const secret = request.headers.get("authorization") ?? "";
  const { accountId } = await authenticator.authenticate({ kind: "secret", text: secret });
  const { twinId, topics, event } = (await request.json()) as { twinId: string; topics: string[]; event: unknown };
  const text = JSON.stringify(event) as Publication["event"];
  await store.write(publishAlone, SYSTEM, { accountId, twinId, trigger: "sticker.put", topics, event: text });
  return new Response("{}", { headers: { "content-type": "application/json" } });
}

const server = serveHttp({ host: "127.0.0.1", port: 0 }, (request, peerAddress) =>
  request.url.endsWith("/publish") ? takePublication(request) : app.fetch(request, { peerAddress }),
);
scheduler.start();
deliverer.start();
process.stdout.write(`Twinpost, for a test, serves http://127.0.0.1:${server.port}\n`);
process.once("SIGTERM", async () => {
  await server.stop(10_000);
  await Promise.all([scheduler.stop(), deliverer.stop(10_000)]);
  await store.close();
  process.exit(0);
});
