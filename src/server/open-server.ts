import type { Deps, Job } from "../deps.ts";
import { createApp } from "../http/app.ts";
import { Deliverer } from "../jobs/deliverer.ts";
import { Scheduler } from "../jobs/scheduler.ts";
import { BodyBudget } from "../kernel/fairness/body-budget.ts";
import { FairSerialQueue } from "../kernel/fairness/fair-serial-queue.ts";
import { FairSlices } from "../kernel/fairness/fair-slices.ts";
import { once } from "../kernel/once.ts";
import { PendingCounts } from "../kernel/pending-counts.ts";
import { Broker } from "../mqtt/broker.ts";
import type { HttpHandler } from "../platform/http.ts";
import { startWriterThread } from "../platform/thread.ts";
import { COMMANDS, roomJobs } from "../rooms.ts";
import { loadOrCreateKey } from "../store/keys/sealed-keys.ts";
import { openServerStore } from "../store/store.ts";

const USER_TOKEN_KEY_BYTES = 32;

/** Settings of a server, and its connection to the world outside. */
type Surroundings = Pick<Deps, "config" | "clock" | "random" | "log" | "metrics" | "stopping" | "net">;

type Options = {
  /** Runs commands in a separate thread, by the system's clock; otherwise they run here, by the given clock. */
  hasWriterThread?: boolean;
  /** Jobs of this server in addition to those of the rooms. */
  jobs?: readonly Job[];
};

export type Server = Awaited<ReturnType<typeof openServer>>;

/** A whole server without its listeners. Jobs, deliveries and brokers run once they are started. It ends with its store. */
export async function openServer(surroundings: Surroundings, { hasWriterThread = false, jobs = [] }: Options = {}) {
  const { config, clock, random, log, metrics } = surroundings;
  const store = await openServerStore({
    dataDir: config.dataDir,
    clock,
    random,
    log,
    metrics,
    ...(hasWriterThread && { writerThread: { port: startWriterThread(), commands: COMMANDS } }),
  });
  try {
    const deps: Deps = {
      ...surroundings,
      store,
      messages: new PendingCounts(),
      bodies: new BodyBudget(),
      largeWrites: new FairSerialQueue(),
      slices: new FairSlices(),
      userTokenKey: await loadOrCreateKey(store, "user-token-key", () => random.bytes(USER_TOKEN_KEY_BYTES)),
    };
    // Only HTTP needs it, and it takes half as long as all the rest.
    const app = once(() => createApp(deps));
    const handle: HttpHandler = (request, peerAddress, arriving) => app().fetch(request, { peerAddress, arriving });
    return {
      deps,
      app,
      handle,
      scheduler: new Scheduler(deps, [...roomJobs(), ...jobs]),
      deliverer: new Deliverer(deps),
      /** A broker that is ready for connections, and the scheduler of its jobs. The caller stops both. */
      async openBroker() {
        const broker = new Broker(deps);
        await broker.start();
        return { broker, scheduler: new Scheduler(deps, broker.jobs()) };
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
