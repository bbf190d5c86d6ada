import { adoptCa, type Made } from "./device-certificates.ts";
import { hubCaller, openHub } from "./hub.ts";
import type { Json } from "./world.ts";

/** Two accounts that share nothing but the server, each with a hub. */
export async function openTwoAccounts() {
  const victim = await openHub();
  const { world } = victim;
  /** Another account, with a hub, and with a CA of its own if it is given one. */
  async function stranger(ca?: Made) {
    const caller = await world.createAccount("Stranger");
    const call = hubCaller(world, caller.token);
    const hub: Json = (await call("POST", "/hubs", { name: "hostile", product_plan: "plan_dedicated" })).body;
    const device = async (name: string, rest: object = {}): Promise<Json> =>
      (await call("POST", "/devices", { hub_id: hub.id, name, ...rest })).body.device;
    if (ca) await adoptCa({ call, hub }, ca);
    return { caller, call, hub, device };
  }
  const attach = (by: { call: typeof victim.call }, device: Json, certificate: Made) =>
    by.call("PUT", `/devices/${device.id}/certificate`, { certificate_pem: certificate.pem });
  return { ...victim, victim, stranger, attach, [Symbol.asyncDispose]: () => victim[Symbol.asyncDispose]() };
}
