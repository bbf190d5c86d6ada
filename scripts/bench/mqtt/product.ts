import {
  type Account,
  createAccount,
  startServer,
  temporaryFolder,
} from "../../../test/support/process/server-process.ts";
import { type Broker, inband } from "./broker.ts";

const HUB_API = "/iot/v1/regions/fr-par";
/** Enough for every row; further connections reuse the same devices, which allow multiple connections. */
const DEVICES = 200;

/**
 * Our server, with its normal durability: a hub whose devices may have any number of connections. It ends with `stack`.
 */
export async function startProduct(stack: AsyncDisposableStack, program: readonly string[]): Promise<Broker> {
  const dataDir = stack.use(temporaryFolder()).path;
  const account = await createAccount({ dataDir, program });
  const { url, mqttUrl, pid } = stack.use(await startServer({ dataDir, program }));
  const hub = (await create(url, account, "hubs", { name: "bench", product_plan: "plan_dedicated" })).id;
  const devices: string[] = [];
  for (let n = 0; n < DEVICES; n += 1) {
    const rest = { hub_id: hub, allow_insecure: true, allow_multiple_connections: true };
    const { device } = await create(url, account, "devices", { name: `device-${n}`, ...rest });
    devices.push(device.id);
  }
  return {
    name: "twinpost",
    pids: [pid],
    urls: { websocket: url.replace("http:", "ws:"), tcp: mqttUrl },
    login: (n) => ({ clientId: `bench-${n}`, userName: devices[n % DEVICES] as string }),
    documentsOf: inband,
  };
}

async function create(url: string, { token }: Account, what: string, body: object) {
  const headers = { "x-auth-token": token };
  const answer = await fetch(`${url}${HUB_API}/${what}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (answer.status !== 200) throw new Error(`creating ${what} answers ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as { id: string; device: { id: string } };
}
