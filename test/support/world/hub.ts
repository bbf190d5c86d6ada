import { type Json, openWorld } from "./world.ts";

/** The base path of the hub API. */
export const HUB = "/iot/v1/regions/fr-par";

/** A caller of a world's hub API, with the token form of its secret. */
export function hubCaller(world: Awaited<ReturnType<typeof openWorld>>, token: string) {
  return (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    world.call(method, HUB + path, { body, headers: { "x-auth-token": token, ...headers } });
}

/** A world with an account that has a hub. */
export async function openHub(settings: Record<string, string> = {}) {
  const world = await openWorld(settings);
  const caller = await world.createAccount();
  const call = hubCaller(world, caller.token);
  const hub: Json = (await call("POST", "/hubs", { name: "my_first_hub", product_plan: "plan_dedicated" })).body;
  /** A new device, by its name. */
  const createDevice = async (name: string, rest: object = {}): Promise<Json> => {
    const { status, body } = await call("POST", "/devices", { hub_id: hub.id, name, ...rest });
    if (status !== 200) throw new Error(`no device: ${JSON.stringify(body)}`);
    return body;
  };
  return {
    world,
    caller,
    call,
    hub,
    createDevice,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}
