import { join } from "node:path";
import type { Login } from "./client.ts";

export type BrokerName = "twinpost" | "floor" | "mosquitto" | "aedes" | "home-made";

/** A broker that runs, by what it speaks. */
export type Broker = {
  name: BrokerName;
  /** The process that clients are connected to comes first; each counts with its children. */
  pids: readonly number[];
  urls: { websocket?: string; tcp?: string };
  /** As whom the n-th connection comes. */
  login(n: number): Login;
  /** Below which topic that device puts its documents, with a slash at the end. */
  documentsOf(n: number): string;
};

/** Brokers that know no devices let everybody in. */
export const anybody = (n: number): Login => ({ clientId: `bench-${n}` });

/** The topics of a service that knows who is connected. */
export const inband = () => "$SCW/twins/me/";

/** Starts one of our own servers, which writes where it listens; it ends with `stack`. */
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
