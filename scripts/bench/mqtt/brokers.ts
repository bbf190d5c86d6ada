import { anonymousLogin, type Broker, type BrokerName, inband, startScript } from "./broker.ts";
import { startHomeMade } from "./home-made.ts";
import { startReference } from "./reference.ts";

/** The brokers that ours is compared with, by name, or why one is left out. They end with `stack`. */
export type Others = ReadonlyMap<BrokerName, Broker | { missing: string }>;

/** Starts the requested ones. */
export async function startOthers(stack: AsyncDisposableStack, names: ReadonlySet<BrokerName>): Promise<Others> {
  const others = new Map<BrokerName, Broker | { missing: string }>();
  const start = async (name: BrokerName, starting: () => Promise<Broker | { missing: string }>) => {
    if (names.has(name)) others.set(name, await starting());
  };
  await start("floor", () => startFloor(stack));
  await start("mosquitto", () => startReference(stack));
  await start("aedes", () => startAedes(stack));
  await start("home-made", () => startHomeMade(stack));
  return others;
}

async function startFloor(stack: AsyncDisposableStack): Promise<Broker> {
  const { pid, said } = await startScript(stack, "floor-server.ts");
  const urls = { websocket: `ws://127.0.0.1:${said[0]}` };
  return { name: "floor", pids: [pid], urls, login: anonymousLogin, documentsOf: inband };
}

async function startAedes(stack: AsyncDisposableStack): Promise<Broker> {
  const { pid, said } = await startScript(stack, "aedes-server.ts");
  const [tcp, websocket] = said;
  const urls = { tcp: `mqtt://127.0.0.1:${tcp}`, websocket: `ws://127.0.0.1:${websocket}` };
  return { name: "aedes", pids: [pid], urls, login: anonymousLogin, documentsOf: inband };
}
