import { expect, test } from "bun:test";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";

test("a message goes from one device to another, at every QoS and level", async () => {
  await using mqtt = await openMqtt();
  const [panel, phone] = [await mqtt.device("panel"), await mqtt.device("phone")];
  for (const level of [3, 4, 5] as const) {
    const subscriber = await mqtt.client(panel.id, level);
    const publisher = await mqtt.client(phone.id, level);
    expect(await subscriber.subscribe("a/+", 2)).toEqual([2]);
    for (const qos of [0, 1, 2] as const) {
      await publisher.publish("a/b", `m${qos}`, { qos });
      await subscriber.receive("a/b", `m${qos}`, { qos, retain: false });
    }
    await subscriber.disconnect();
    await publisher.disconnect();
  }
});
