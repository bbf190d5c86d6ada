import { expect } from "bun:test";
import { addressesOf, createDevice, createHub } from "../../support/mqtt/mqtt-process.ts";
import { MqttWire, WireEnded } from "../../support/mqtt/mqtt-wire.ts";
import type { Account } from "../../support/process/server-process.ts";

const ME = "$SCW/twins/me/state";
const LARGE = "x".repeat(60_000);
/** Writes that fit into the existing log are still stored. */
const TRIES_MAX = 200;
const UNAVAILABLE = 0x83;

/** A device that writes by MQTT to a disk that is full, or has room again. */
export async function openDiskDevice(server: { url: string; mqttUrl: string }, { token }: Account) {
  const hub = await createHub(server.url, token, "on a small disk");
  const username = await createDevice(server.url, token, hub, "writer");
  const { tcp } = addressesOf(server);
  const open = async (clientId: string, level: 4 | 5, fields: object = {}) => {
    const wire = await MqttWire.open(tcp, level);
    await wire.connect({ clientId, username, ...fields });
    return wire;
  };
  // A stored session: messages for it must be written.
  const properties = { sessionExpiryInterval: 3_600 };
  const subscriber = await open("subscriber", 5, { clean: false, properties });
  await subscriber.subscribe("stored/#", 1);
  await subscriber.disconnect();
  const wire = await open("writer", 5);
  await wire.subscribe(`${ME}/+/response/+`, 0);
  let version = 0;

  /** The outcome in the answer, and the reason code of the PUBACK. */
  const put = async (): Promise<[string, number]> => {
    const payload = JSON.stringify({ version, data: { n: Math.random(), filling: LARGE } });
    wire.send({ cmd: "publish", topic: `${ME}/put`, payload, qos: 1, messageId: wire.nextId() });
    const answer = await wire.expect("publish");
    const outcome = answer["topic"].split("/").at(-1);
    if (outcome === "success") version = JSON.parse(String(answer["payload"])).version;
    return [outcome, (await wire.expect("puback"))["reasonCode"]];
  };

  return {
    /**
     * A put is answered with an error; a message that could not be stored for its subscriber is not acknowledged with
     * success.
     */
    async putUntilRefused(): Promise<void> {
      let [outcome, reasonCode] = await put();
      for (let tries = 0; outcome === "success" && tries < TRIES_MAX; tries++) [outcome, reasonCode] = await put();
      expect(outcome).toBe("error");
      expect(reasonCode).toBeGreaterThanOrEqual(0x80);
      const publish = { cmd: "publish", topic: "stored/x", payload: LARGE, qos: 1, messageId: 9 };
      wire.send({ ...publish, messageId: wire.nextId() });
      await wire.expect("puback", { reasonCode: UNAVAILABLE });
      // MQTT 3.1.1 has no reason code for it: the connection ends, and the client sends the message again.
      const older = await open("older", 4);
      older.send(publish);
      expect(await older.next().catch((error) => error)).toBeInstanceOf(WireEnded);
    },
    async expectReads(): Promise<void> {
      await wire.publish(`${ME}/get`);
      const answer = await wire.expect("publish");
      if (version > 0) expect(JSON.parse(String(answer["payload"])).version).toBe(version);
      else expect(answer["topic"]).toBe(`${ME}/get/response/error`);
    },
    async expectStored(): Promise<void> {
      const before = version;
      expect(await put()).toEqual(["success", 0]);
      expect(version).toBe(before + 1);
      expect((await wire.publish("stored/x", "again", { qos: 1 }))?.["reasonCode"]).toBe(0);
    },
    close: () => wire.abort(),
  };
}
