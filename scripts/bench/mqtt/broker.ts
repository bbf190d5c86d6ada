import { join } from "node:path";
import type { Login } from "./client.ts";

export type BrokerName = "twinpost" | "floor" | "mosquitto" | "aedes" | "home-made";

/** A running broker, by the transports that it offers. */
export type Broker = {
  name: BrokerName;
  /** The process that clients connect to comes first; each includes its children. */
  pids: readonly number[];
  urls: { websocket?: string; tcp?: string };
  /** The credentials of the n-th connection. */
  login(n: number): Login;
  /** The topic prefix of that device's documents, with a trailing slash. */
  documentsOf(n: number): string;
};

/** Brokers without a registry of devices accept every client. */
export const anonymousLogin = (n: number): Login => ({ clientId: `bench-${n}` });

/** The topics of a service that knows which device is connected. */
export const inband = () => "$SCW/twins/me/";

/** Starts one of our own servers, which prints its address; it ends with `stack`. */
export async function startScript(stack: AsyncDisposableStack, script: string, ...args: string[]) {
  const command = [process.execPath, join(import.meta.dir, script), ...args];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  stack.defer(async () => {
    child.kill();
    await child.exited;
  });
  const { value } = await child.stdout.getReader().read();
  if (!value) throw new Error(`${script} did not start`);
  return { pid: child.pid, said: new TextDecoder().decode(value).trim().split(" ") };
}
