import { expect, test } from "bun:test";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";

test("an operator sets the longest keep alive, and MQTT 5 clients receive it [MQTT-3.1.2-21]", async () => {
  await using mqtt = await openMqtt({ "mqtt-keep-alive": "60" });
  const { id } = await mqtt.device("panel");
  for (const [keepalive, told] of [
    [120, 60],
    [0, 60],
    [60, undefined],
    [5, undefined],
  ]) {
    const wire = await mqtt.client(id, 5, { keepalive });
    expect([keepalive, wire.connack["properties"]?.serverKeepAlive]).toEqual([keepalive, told]);
    await mqtt.pass((told ?? keepalive ?? 0) * 1_500 + 1);
    await wire.expectClosed(0x8d);
  }
});
