import { HUB } from "../world/hub.ts";
import type { Json } from "../world/world.ts";

// Devices of a server that runs as a process of its own.

/** The device addresses of a server process. */
export function addressesOf({ url, mqttUrl }: { url: string; mqttUrl: string }) {
  const port = (address: string) => Number(new URL(address.replace(/^mqtt:/, "http:")).port);
  return {
    tcp: { transport: "tcp", port: port(mqttUrl) } as const,
    websocket: { transport: "websocket", port: port(url) } as const,
  };
}

export async function createHub(url: string, token: string, name: string): Promise<string> {
  return (await post(url, token, "/hubs", { name, product_plan: "plan_dedicated" }))["id"];
}

/** A device that any client may be if it knows the id, with any number of connections. */
export async function createDevice(url: string, token: string, hub: string, name: string, rest: object = {}) {
  const shape = { hub_id: hub, name, allow_insecure: true, allow_multiple_connections: true, ...rest };
  return (await post(url, token, "/devices", shape))["device"].id as string;
}

async function post(url: string, token: string, path: string, body: object): Promise<Json> {
  const headers = { "x-auth-token": token };
  const response = await fetch(url + HUB + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Json;
}
