import type { Scheduler } from "../../../src/jobs/scheduler.ts";
import { SYSTEM } from "../../../src/kernel/actor.ts";
import { DeviceDoor } from "../../../src/platform/device-door.ts";
import { listenTcp } from "../../../src/platform/tcp.ts";
import { command } from "../../../src/store/sqlite/command.ts";
import { serveWebSockets } from "../http/web-sockets.ts";
import type { World } from "../world/world.ts";

/** Turns of the event loop: more than sent bytes need to arrive and be answered. */
const TURNS = 20;
const nothing = command("nothing", () => null);

/** A broker on a world's store, that devices connect to by TCP and WebSocket; it and its jobs end with `stop`. */
export async function serveBroker(world: World) {
  const faults: unknown[] = [];
  const { broker, scheduler } = await world.server.openBroker();
  scheduler.start();
  const door = new DeviceDoor(broker.accept, {
    connectionsMax: world.deps.config.mqttConnectionsMax,
    onRefused: () => {},
    onFault: (error) => faults.push(error),
  });
  const tcp = listenTcp({ host: "127.0.0.1", port: 0 }, door);
  const web = serveWebSockets(door);
  return {
    broker,
    scheduler,
    faults,
    addresses: {
      tcp: { transport: "tcp", port: tcp.port } as const,
      websocket: { transport: "websocket", port: web.port } as const,
    },
    async stop(): Promise<void> {
      tcp.stop();
      web.stop();
      await broker.stop();
      await scheduler.stop();
      await door.close(1000);
      const failed = world.logged.find(({ event }) => event === "mqtt.failed");
      if (failed) process.stderr.write(`the broker failed: ${JSON.stringify(failed, null, 1)}\n`);
      if (faults.length > 0) throw faults[0];
    },
  };
}

/** Waits until everything on its way through the loopback has arrived, and its effects are stored. */
export async function quiet(world: World): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((done) => setImmediate(done));
  // A command of the server itself goes before those that devices have waiting.
  do await world.store.write(nothing, SYSTEM, null);
  while (waitingCommands(world) > 0);
  // Packets caused by the last answers are sent at the end of a turn, and the current one may be over.
  for (let turn = 0; turn < 3; turn++) await new Promise((done) => setImmediate(done));
}

function waitingCommands({ deps }: World): number {
  for (const { name, samples } of deps.metrics.families()) {
    if (name === "twinpost_store_queue_commands") return samples()[0]?.value ?? 0;
  }
  throw new Error("the writer says how many commands wait");
}

/** Lets time pass, and does everything that falls due. */
export async function pass(world: World, scheduler: Scheduler, ms: number): Promise<void> {
  await quiet(world);
  world.clock.advance(ms);
  await quiet(world);
  await scheduler.settled();
}
