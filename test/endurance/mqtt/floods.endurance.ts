import { expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { createDevice, createHub } from "../../support/mqtt/mqtt-process.ts";
import type { MqttWire } from "../../support/mqtt/mqtt-wire.ts";
import { say } from "../server/attacked-server.ts";
import { openMqttSiege } from "./attacked-broker.ts";

// An account that takes all it can, beside another account's devices: those lose no message, and memory stays bounded.
// How much slower they get depends on the machine; it is printed.

setDefaultTimeout(180_000);

const APART = { apart: true };

test("64 devices with 500 pipelined puts each are all answered, and so are another account's devices", async () => {
  await using siege = await openMqttSiege({}, APART);
  await Bun.sleep(2_000);
  const quiet = await siege.report();
  const wires: MqttWire[] = [];
  for (let i = 0; i < 64; i++) wires.push(await siege.client(await siege.device(`d${i}`), ""));
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      wires.map(async (wire) => {
        const puts = Array.from({ length: 500 }, (_, i) =>
          wire.bytesOf({
            cmd: "publish",
            topic: "$SCW/twins/me/s/put",
            payload: '{"data":{}}',
            qos: 1,
            messageId: i + 1,
          }),
        );
        wire.send(...puts);
        for (let i = 1; i <= 500; i++) await wire.expect("puback", { messageId: i });
      }),
    );
  }
  const { p99Ms } = await siege.expectUnharmed({ growthMb: 200 });
  say(`p99 of another account: ${quiet.p99Ms} ms when quiet, ${p99Ms} ms beside the flood`);
});

test("clients of many hubs that read and do not acknowledge take no more than their account's part", async () => {
  await using siege = await openMqttSiege({ TWINPOST_MQTT_MEMORY: "64" }, APART);
  const payload = Buffer.alloc(64 * 1024, "x");
  for (let n = 0; n < 8; n++) {
    const hub = await createHub(siege.server.url, siege.token, `hub${n}`);
    const device = await createDevice(siege.server.url, siege.token, hub, `d${n}`);
    for (let i = 0; i < 8; i++) {
      const wire = await siege.client(device, `slow ${i}`);
      await wire.subscribe("a", 1);
    }
    const loud = await siege.client(device, "loud");
    // Beyond what is in flight to each.
    for (let i = 0; i < 300; i++) await loud.publish("a", payload, { qos: 1 });
    await loud.disconnect();
  }
  await siege.expectUnharmed({ growthMb: 250 });
});

test("300 silent connections that keep reconnecting keep no device out", async () => {
  await using siege = await openMqttSiege({ TWINPOST_MQTT_CONNECTIONS: "300" }, APART);
  const device = await siege.device("d");
  let isOver = false;
  const open = () => {
    if (isOver) return;
    const socket: Socket = connect({ port: siege.addresses.tcp.port, host: "127.0.0.1", localAddress: "127.0.0.9" });
    // From another address than that of the devices. With a pause of some milliseconds, because this process has other
    // work too.
    socket.on("error", () => {}).on("close", () => setTimeout(open, 5));
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  };
  const sockets = new Set<Socket>();
  for (let i = 0; i < 300; i++) open();
  for (let i = 0; i < 100; i++) {
    const wire = await siege.client(device, `${i}`);
    await wire.disconnect();
  }
  isOver = true;
  for (const socket of sockets) socket.destroy();
  const { p99Ms } = await siege.expectUnharmed({ growthMb: 100 });
  say(`100 of 100 devices were let in; p99 of others ${p99Ms} ms`);
});

test("a message for 500 subscribers delays others by no more than a slice", async () => {
  await using siege = await openMqttSiege({}, APART);
  const device = await siege.device("crowd");
  const crowd: MqttWire[] = [];
  for (let i = 0; i < 500; i++) {
    const wire = await siege.client(device, `${i}`);
    await wire.subscribe("a", 0);
    crowd.push(wire);
  }
  const loud = await siege.client(device, "loud");
  await siege.report();
  for (let i = 0; i < 20; i++) {
    await loud.publish("a", `${i}`, { qos: 1 });
    await Promise.all(crowd.map((wire) => wire.receive("a", `${i}`)));
  }
  const { p99Ms, worstMs } = await siege.expectUnharmed({ growthMb: 200 });
  const lag = (await (await fetch(`${siege.server.url}/metrics`)).text()).match(
    /^twinpost_event_loop_lag_seconds.*$/gm,
  );
  say(`p99 of others ${p99Ms} ms, ${worstMs} ms at most; ${lag?.join(" ")}`);
  expect(crowd.every(({ isOpen }) => isOpen)).toBe(true);
});
