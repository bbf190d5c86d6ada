import { expect, test } from "bun:test";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";
import type { Json } from "../../support/world/world.ts";

// Each hub is a name space of its own (issue 6.4).

/** Two hubs of one account, with devices of the same names. */
async function openTwoHubs() {
  const mqtt = await openMqtt();
  const { body: other } = await mqtt.call("POST", "/hubs", { name: "other" });
  const device = async (hub: Json, name: string) =>
    (
      await mqtt.call("POST", "/devices", {
        hub_id: hub.id,
        name,
        allow_insecure: true,
        allow_multiple_connections: true,
      })
    ).body.device.id as string;
  const hubs = [mqtt.hub, other];
  const devices = await Promise.all(hubs.map((hub) => device(hub, "same name")));
  return {
    ...mqtt,
    hubs,
    /** A client of the same name in each of them. */
    both: (fields: object = {}) =>
      Promise.all(devices.map((username) => mqtt.client("same client", 5, { username, ...fields }))),
    [Symbol.asyncDispose]: () => mqtt[Symbol.asyncDispose](),
  };
}
type Client = Awaited<ReturnType<Awaited<ReturnType<typeof openTwoHubs>>["client"]>>;
type Both = [Client, Client];

test("messages, retained ones and shared subscriptions of one hub are never seen in another", async () => {
  await using mqtt = await openTwoHubs();
  const [here, there] = (await mqtt.both()) as Both;
  await here.subscribe(["#", "$share/group/a", "+/b"], 1);
  await there.subscribe(["#", "$share/group/a", "+/b"], 1);
  await here.publish("x/a", "here", { retain: true });
  await here.receive("x/a", "here");
  for (let i = 0; i < 4; i++) {
    await here.publish("a", `${i}`);
    await here.expectAll(
      { cmd: "publish", topic: "a", payload: `${i}` },
      { cmd: "publish", topic: "a", payload: `${i}` },
    );
  }
  await there.subscribe("x/#");
  await there.expectQuiet();
});

test("sessions and wills of the same client identifier are separate in each hub", async () => {
  await using mqtt = await openTwoHubs();
  const will = { topic: "wills", payload: Buffer.from("here"), qos: 1, retain: false };
  const lasting = { clean: false, properties: { sessionExpiryInterval: 60 } };
  const [here, there] = (await mqtt.both({ ...lasting, will })) as Both;
  await here.subscribe("a", 1);
  await there.subscribe("wills", 1);
  await there.disconnect();
  here.abort();
  await here.ended;
  await mqtt.quiet();
  const [hereAgain, thereAgain] = (await mqtt.both(lasting)) as Both;
  for (const wire of [hereAgain, thereAgain]) expect(wire.connack["sessionPresent"]).toBe(true);
  await thereAgain.publish("a", "there", { qos: 1 });
  await hereAgain.expectQuiet();
  await thereAgain.expectQuiet();
});

test("a subscriber receives the events and counters of its own hub only", async () => {
  await using mqtt = await openTwoHubs();
  const [here, there] = (await mqtt.both()) as Both;
  await there.subscribe("$SCW/events/#");
  await here.publish("$SCW/events/error/device/fake", "{}");
  await there.expectQuiet();
  await here.subscribe("$SYS/broker/clients/connected");
  await here.receive("$SYS/broker/clients/connected", "1", { retain: true });
});
