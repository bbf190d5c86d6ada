import { connectDevice, type MqttDevice } from "../../test/support/mqtt/mqtt-device.ts";
import type { Json } from "../../test/support/world/world.ts";
import type { Stage } from "./alarm.ts";

const HUB_API = "/iot/v1/regions/fr-par";
export const ME = "$SCW/twins/me";

/** A call of the phone app, on the hub API. */
type App = (method: string, path: string, body?: Json) => Promise<{ status: number; body: Json }>;

export type Cast = Stage & {
  app: App;
  hub: string;
  /** The panel's device, which is also its twin. */
  device: string;
  panel: MqttDevice;
  /** Another device of the hub, which subscribes to everything it can. */
  neighbour: MqttDevice;
  createDevice(name: string, rest: object): Promise<string>;
  /** The panel publishes a request and receives its answer. */
  ask(topic: string, payload?: Json): Promise<{ topic: string; body: Json }>;
} & AsyncDisposable;

/** How long the app may have to wait until the panel is reported as connected. */
const PRESENCE_LIMIT_MS = 1000;

/** Steps 1 to 5: a hub, a device, and its connection. */
export async function playDevice(stage: Stage): Promise<Cast> {
  const { narrator, account, token, deviceUrl } = stage;
  const app: App = (method, path, body) => narrator.call("Phone app", method, HUB_API + path, { token, body });

  narrator.chapter("Part A: a panel in the hall");
  narrator.step("1", "The app's company makes a hub for its devices.");
  const hubBody = { project_id: account, name: "my_first_hub", product_plan: "plan_dedicated" };
  const hub = await app("POST", "/hubs", hubBody);
  narrator.name(hub.body.id, "hub");
  const ready = { status: 200, body: { name: "my_first_hub", enabled: true, events_topic_prefix: "$SCW/events" } };
  narrator.expect("the hub", hub, ready);
  narrator.step("2", "... which is ready at once.");
  const found = await app("GET", `/hubs/${hub.body.id}`);
  narrator.expect("its status", found, { status: 200, body: { status: "ready" } });

  narrator.step("3", "It creates the panel, which may connect by its id alone: its twin is there from now on.");
  const createDevice = async (name: string, rest: object): Promise<string> => {
    const created = await app("POST", "/devices", { hub_id: hub.body.id, name, ...rest });
    narrator.name(created.body.device.id, name);
    narrator.expect("the device", created, { status: 200, body: { device: { name, status: "enabled" } } });
    return created.body.device.id;
  };
  const device = await createDevice("panel", { allow_insecure: true });

  const [scheme] = deviceUrl.split(":");
  narrator.step("4", `The panel connects by ${scheme === "ws" ? "WebSocket" : "TCP"}: its user name is its id.`);
  narrator.act("Panel", `CONNECT as ${device}`);
  const panel = await connectDevice(deviceUrl, { username: device });
  narrator.expect("that the app sees it connected", await isConnected(app, device), true);

  narrator.step("5", "It subscribes to the answers that it will get.");
  narrator.act("Panel", `SUBSCRIBE ${ME}/#`);
  narrator.expect("what was granted", await panel.subscribe(`${ME}/#`), 0);

  narrator.act("Neighbour", "CONNECT, and SUBSCRIBE # and $SCW/# and $SCW/twins/#");
  const neighbour = await connectDevice(deviceUrl, {
    username: await createDevice("neighbour", { allow_insecure: true }),
  });
  for (const filter of ["#", "$SCW/#", "$SCW/twins/#"]) await neighbour.subscribe(filter);

  return {
    ...stage,
    app,
    hub: hub.body.id,
    device,
    panel,
    neighbour,
    createDevice,
    async ask(topic, payload = "") {
      narrator.act("Panel", `PUBLISH ${topic} ${typeof payload === "string" ? payload : JSON.stringify(payload)}`);
      const answer = await panel.ask(topic, payload);
      narrator.message("Panel", answer.body, answer.topic);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await panel[Symbol.asyncDispose]();
      await neighbour[Symbol.asyncDispose]();
    },
  };
}

/** Presence is correct within a second. */
async function isConnected(app: App, device: string): Promise<boolean> {
  const deadline = Date.now() + PRESENCE_LIMIT_MS;
  while (Date.now() < deadline) {
    if ((await app("GET", `/devices/${device}`)).body.is_connected) return true;
    await Bun.sleep(20);
  }
  return false;
}
