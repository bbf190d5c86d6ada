import { expect, test } from "bun:test";
import { FairSlices } from "../../../src/kernel/fairness/fair-slices.ts";
import { FlushQueue } from "../../../src/mqtt/flow/flush-queue.ts";
import { FanOut } from "../../../src/mqtt/matching/fan-out.ts";
import { FakeSocket } from "../../support/mqtt/fake-socket.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";

// A message with very many recipients is delivered in slices: others get their turns in between, and each recipient
// receives messages in order.

const SUBSCRIBERS = 300;
const turn = () => new Promise((done) => setImmediate(done));
const OWNER = { account: "a", member: "m" };

test("a message with very many recipients reaches each once, before the next message, and is acknowledged after the last", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("crowd", { allow_multiple_connections: true });
  const connect = (clientId: string, ...more: object[]) => {
    const socket = new FakeSocket(mqtt.broker.accept, 5);
    socket.say({ cmd: "connect", clientId, username: id }, ...more);
    return socket;
  };
  const subscribe = { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a/#", qos: 0 }] };
  const sockets = Array.from({ length: SUBSCRIBERS }, (_, i) => connect(`${i}`, subscribe));
  while (sockets.some(({ seen }) => seen.length < 2)) await turn();
  const says = connect("says");
  await mqtt.quiet();
  const publish = (topic: string, payload: string, rest: object = {}) => ({ cmd: "publish", topic, payload, ...rest });
  says.say(
    publish("a/1", "first", { qos: 1, messageId: 1 }),
    publish("a/2", "second", { qos: 1, messageId: 2, retain: true }),
    publish("b", "unheard", { qos: 1, messageId: 3 }),
    publish("a/3", "third"),
  );
  while (sockets.some(({ seen }) => seen.length < 5) || says.seen.length < 4) await turn();
  for (const { seen } of sockets)
    expect(seen.slice(2).map(({ payload }) => `${payload}`)).toEqual(["first", "second", "third"]);
  const acks = says.seen.slice(1).map(({ cmd, messageId, reasonCode }) => [cmd, messageId, reasonCode]);
  expect(acks).toEqual([
    ["puback", 1, 0],
    ["puback", 2, 0],
    ["puback", 3, 0x10],
  ]);
  const late = connect("late", { ...subscribe, subscriptions: [{ topic: "a/2", qos: 0 }] });
  while (late.seen.length < 3) await turn();
  expect(late.seen[2]).toMatchObject({ cmd: "publish", topic: "a/2", retain: true });
});

test("stored sessions receive a message with very many recipients once each, and in order", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("crowd", { allow_multiple_connections: true });
  const { id: other } = await mqtt.device("others", { allow_multiple_connections: true });
  const { id: third } = await mqtt.device("third", { allow_multiple_connections: true });
  const { id: panel } = await mqtt.device("panel");
  const sockets: FakeSocket[] = [];
  for (const device of [id, other, third]) {
    for (let i = 0; i < 90; i++) {
      const socket = new FakeSocket(mqtt.broker.accept, 5);
      socket.say(
        { cmd: "connect", clientId: `${i}`, username: device, clean: false, properties: { sessionExpiryInterval: 60 } },
        { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] },
      );
      sockets.push(socket);
    }
  }
  while (sockets.some(({ seen }) => seen.length < 2)) await turn();
  const wire = await mqtt.client(panel, 5);
  for (let i = 0; i < 3; i++) await wire.publish("a", `${i}`, { qos: 1 });
  while (sockets.some(({ seen }) => seen.length < 5)) await turn();
  await mqtt.quiet();
  for (const { seen } of sockets) expect(seen.slice(2).map(({ payload }) => `${payload}`)).toEqual(["0", "1", "2"]);
});

test("work after a long delivery waits for it, and work of others does not", async () => {
  const slices = new FairSlices();
  const fanOut = new FanOut();
  const order: string[] = [];
  let steps = 0;
  fanOut.add(slices, OWNER, (isOver) => {
    while (!isOver());
    order.push("part");
    return ++steps === 3;
  });
  fanOut.add(slices, OWNER, () => order.push("behind") > 0);
  void slices.run({ account: "b", member: "m" }, () => order.push("other"));
  while (fanOut.isBusy) await turn();
  expect(order).toEqual(["part", "other", "part", "part", "behind"]);
});

test("flushes that take too long for one turn continue in the next turns, and accounts alternate", async () => {
  const turns = new FlushQueue();
  const ended: string[] = [];
  const busy = (account: string) => ({
    owner: { account, member: "m" },
    endTurn() {
      ended.push(account);
      for (const until = performance.now() + 1; performance.now() < until; );
    },
  });
  for (let i = 0; i < 200; i++) turns.add(busy("many"));
  await turn();
  expect(ended.length).toBeLessThan(40);
  const before = ended.length;
  turns.add(busy("few"));
  while (ended.length < 201) await turn();
  expect(ended.indexOf("few") - before).toBeLessThan(20);
});
