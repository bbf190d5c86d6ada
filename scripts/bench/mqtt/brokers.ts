import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "../../../test/support/server-process.ts";
import type { Login } from "./client.ts";

/** A broker that runs, by what it speaks. */
export type Broker = {
  name: string;
  pid: number;
  urls: { websocket?: string; tcp?: string };
  /** As whom the n-th connection comes. */
  login(n: number): Login;
};

const anybody = (n: number): Login => ({ clientId: `bench-${n}` });

/** The floor, and the peers that are here; they end with `stack`. */
export async function startFloor(stack: AsyncDisposableStack): Promise<Broker> {
  const { pid, ports } = await startScript(stack, "floor-server.ts");
  return { name: "floor", pid, urls: { websocket: `ws://127.0.0.1:${ports[0]}` }, login: anybody };
}

export async function startAedes(stack: AsyncDisposableStack): Promise<Broker> {
  const { pid, ports } = await startScript(stack, "aedes-server.ts");
  const [tcp, websocket] = ports;
  return {
    name: "aedes",
    pid,
    urls: { tcp: `mqtt://127.0.0.1:${tcp}`, websocket: `ws://127.0.0.1:${websocket}` },
    login: anybody,
  };
}

async function startScript(stack: AsyncDisposableStack, script: string) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script)], { stdio: ["ignore", "pipe", "inherit"] });
  stack.defer(async () => {
    child.kill();
    await child.exited;
  });
  const { value } = await child.stdout.getReader().read();
  if (!value) throw new Error(`${script} did not start`);
  return { pid: child.pid, ports: new TextDecoder().decode(value).trim().split(" ") };
}

const MOSQUITTO = Bun.which("mosquitto", { PATH: `${process.env["PATH"]}:/usr/sbin` });

/** Mosquitto as it comes, told only to let everybody in, to say nothing, and to hold back no small packets. Undefined where it is not installed. */
export async function startMosquitto(stack: AsyncDisposableStack): Promise<Broker | undefined> {
  if (!MOSQUITTO) return undefined;
  const folder = stack.use(temporaryFolder());
  const [tcp, websocket] = [await freePort(), await freePort()];
  const file = join(folder.path, "mosquitto.conf");
  const listeners = [`listener ${tcp} 127.0.0.1`, `listener ${websocket} 127.0.0.1`, "protocol websockets"];
  const settings = ["allow_anonymous true", "log_type error", "log_dest none", "set_tcp_nodelay true"];
  writeFileSync(file, [...settings, ...listeners, ""].join("\n"));
  const child = Bun.spawn([MOSQUITTO, "-c", file], { stdio: ["ignore", "ignore", "ignore"] });
  stack.defer(async () => {
    child.kill();
    await child.exited;
  });
  for (const port of [tcp, websocket]) await untilListening(port);
  const urls = { tcp: `mqtt://127.0.0.1:${tcp}`, websocket: `ws://127.0.0.1:${websocket}` };
  return { name: "mosquitto", pid: child.pid, urls, login: anybody };
}

/** Mosquitto cannot choose a port of its own. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const there = await new Promise<boolean>((done) => {
      const socket = connect(port, "127.0.0.1", () => done(true)).on("error", () => done(false));
      socket.once("connect", () => socket.destroy());
    });
    if (there) return;
    await Bun.sleep(25);
  }
  throw new Error("mosquitto did not start");
}
