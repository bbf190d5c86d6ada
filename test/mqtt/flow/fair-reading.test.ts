import { expect, test } from "bun:test";
import { ACCOUNT_REQUESTS_MAX } from "../../../src/mqtt/flow/work-window.ts";
import { FakeSocket } from "../../support/mqtt/fake-socket.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";
import { hubCaller } from "../../support/world/hub.ts";
import type { Json } from "../../support/world/world.ts";

// One account's devices request more than can be done: the excess waits in their sockets, is not refused, and others
// are answered meanwhile.

const DEVICES = 20;
const PUTS = 100;
const PUT = "$SCW/twins/me/state/put";

async function openFlood() {
  const mqtt = await openMqtt();
  async function deviceOf(call: typeof mqtt.call, name: string): Promise<string> {
    const hub: Json = (await call("POST", "/hubs", { name, product_plan: "plan_dedicated" })).body;
    const { body } = await call("POST", "/devices", { hub_id: hub.id, name, allow_insecure: true });
    return body.device.id;
  }
  const connect = async (id: string) => {
    const socket = new FakeSocket(mqtt.broker.accept, 5);
    socket.say(
      { cmd: "connect", clientId: id },
      { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "$SCW/twins/me/#", qos: 0 }] },
    );
    await mqtt.quiet();
    return socket;
  };
  const victimCall = hubCaller(mqtt.world, (await mqtt.world.createAccount()).token);
  const victim = await connect(await deviceOf(victimCall, "victim"));
  const flood: FakeSocket[] = [];
  for (let i = 0; i < DEVICES; i++) flood.push(await connect((await mqtt.device(`flood ${i}`)).id));
  const acks = (socket: FakeSocket) => socket.seen.filter(({ cmd }) => cmd === "puback");
  const put = (messageId: number) => ({ cmd: "publish", topic: PUT, payload: '{"data":{"a":1}}', qos: 1, messageId });
  return { ...mqtt, victim, flood, acks, put, [Symbol.asyncDispose]: () => mqtt[Symbol.asyncDispose]() };
}

const turn = () => new Promise((done) => setImmediate(done));

test("many devices each send a hundred puts: all are done, at most a window of them at a time, and another account goes first", async () => {
  await using mqtt = await openFlood();
  const { victim, flood, acks, put, world } = mqtt;
  let most = 0;
  const queue = [...world.deps.metrics.families()].find(({ name }) => name === "twinpost_store_queue_commands");
  const waiting = () => {
    most = Math.max(most, queue?.samples()[0]?.value ?? Number.NaN);
  };
  const puts = Array.from({ length: PUTS }, (_, i) => put(i + 2));
  for (const socket of flood) socket.say(...puts);
  // Each request is an answer and an acknowledgement, after CONNACK and SUBACK.
  const done = () => flood.reduce((sum, { seen }) => sum + (seen.length - 2) / 2, 0);
  // Puts one after another, each sent when the previous one is answered, during the flood.
  const doneBetween: number[] = [];
  let messageId = 2;
  for (let before = done(); done() < DEVICES * PUTS; before = done()) {
    victim.say(put(messageId));
    while (acks(victim).length < messageId - 1 && done() < DEVICES * PUTS) {
      waiting();
      await turn();
    }
    doneBetween.push(done() - before);
    messageId++;
  }
  for (const socket of flood) {
    expect(acks(socket).map(({ reasonCode }) => reasonCode)).toEqual(new Array(PUTS).fill(0));
    expect(socket.ended).toBeUndefined();
  }
  expect(acks(victim).every(({ reasonCode }) => reasonCode === 0)).toBe(true);
  expect(most).toBeLessThanOrEqual(ACCOUNT_REQUESTS_MAX + 10);
  // At least half of the other account's puts were answered before this many of the flood's.
  expect(doneBetween.length).toBeGreaterThan(2);
  doneBetween.sort((a, b) => a - b);
  expect(doneBetween[Math.floor(doneBetween.length / 2)]).toBeLessThan(2 * ACCOUNT_REQUESTS_MAX);
});

test("an endless stream of one connection is read in parts, with another account's requests between them", async () => {
  await using mqtt = await openFlood();
  const { victim, flood, acks, put } = mqtt;
  const [one] = flood;
  const pings = new Uint8Array(200_000).map((_, at) => (at % 2 === 0 ? 0xc0 : 0));
  one?.bytes(pings);
  // After CONNACK and SUBACK.
  const answered = () => (one?.seen.length ?? 0) - 2;
  expect(one?.paused).toBe(true);
  victim.say(put(2));
  while (acks(victim).length === 0) await turn();
  const before = answered();
  while (answered() < pings.length / 2) await turn();
  expect(before).toBeLessThan(pings.length / 2);
  expect(one?.paused).toBe(false);
});
