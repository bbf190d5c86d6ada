import { expect, test } from "bun:test";
import type { Deps } from "../../../src/deps.ts";
import { FairSlices } from "../../../src/kernel/fairness/fair-slices.ts";
import { VERSION } from "../../../src/kernel/version.ts";
import { type HubState, SysTopics } from "../../../src/mqtt/events/sys-topics.ts";
import type { Message } from "../../../src/mqtt/wire/message.ts";
import { TestClock } from "../../support/test-clock.ts";

const STATE: HubState = { clientsConnected: 2, subscriptions: 3, retainedMessages: 4, eventsDropped: 0 };

function openSys() {
  const clock = new TestClock();
  const published: [hubId: string, topic: string, value: string][] = [];
  const textOf = (message: Message) => new TextDecoder().decode(message.payload);
  const states = new Map([["h1", { ...STATE }]]);
  const sys = new SysTopics(
    { clock } as unknown as Deps,
    new FairSlices(),
    (hubId, message) => published.push([hubId, message.topic, textOf(message)]),
    () => states.keys(),
    (hubId) => states.get(hubId) ?? { ...STATE, clientsConnected: 0 },
  );
  const told = (hubId: string, filter: string) =>
    Object.fromEntries(sys.retained(hubId, filter).map((message) => [message.topic, textOf(message)]));
  /** Lets time pass, and finishes what is published in slices. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let turn = 0; turn < 3; turn++) await new Promise((done) => setImmediate(done));
  };
  return { clock, pass, sys, published, states, told };
}

test("a new subscriber is sent its own hub's figures at once, like retained messages", () => {
  const { clock, sys, told } = openSys();
  Object.assign(sys.traffic("h1"), { packetsReceived: 10, packetsSent: 11, publishesReceived: 12, publishesSent: 13 });
  Object.assign(sys.traffic("h1"), { publishesDropped: 14, bytesReceived: 15, bytesSent: 16 });
  sys.traffic("h2").bytesSent += 99;
  clock.advance(61_500);
  expect(told("h1", "$SYS/#")).toEqual({
    "$SYS/broker/version": `twinpost version ${VERSION}`,
    "$SYS/broker/uptime": "61 seconds",
    "$SYS/broker/clients/connected": "2",
    "$SYS/broker/subscriptions/count": "3",
    "$SYS/broker/retained messages/count": "4",
    "$SYS/broker/messages/received": "10",
    "$SYS/broker/messages/sent": "11",
    "$SYS/broker/publish/messages/received": "12",
    "$SYS/broker/publish/messages/sent": "13",
    "$SYS/broker/publish/messages/dropped": "14",
    "$SYS/broker/bytes/received": "15",
    "$SYS/broker/bytes/sent": "16",
    "$SYS/broker/events/dropped": "0",
  });
  expect(sys.retained("h1", "$SYS/broker/uptime")).toMatchObject([{ retain: true, qos: 0 }]);
  expect(told("h1", "$SYS/broker/bytes/+")).toEqual({
    "$SYS/broker/bytes/received": "15",
    "$SYS/broker/bytes/sent": "16",
  });
  for (const filter of ["#", "+/broker/uptime", "$SYS", "$SYS/+", "$SCW/#"]) expect(told("h1", filter)).toEqual({});
});

test("changed figures are published every ten seconds, to hubs with connected clients", async () => {
  const { pass, sys, published, states } = openSys();
  sys.start();
  await pass(9_999);
  expect(published).toEqual([]);
  await pass(1);
  expect([published.length, new Set(published.map(([hubId]) => hubId)).size]).toEqual([13, 1]);
  published.length = 0;
  sys.traffic("h1").bytesSent += 5;
  await pass(10_000);
  expect(published).toEqual([
    ["h1", "$SYS/broker/uptime", "20 seconds"],
    ["h1", "$SYS/broker/bytes/sent", "5"],
  ]);
  states.delete("h1");
  published.length = 0;
  await pass(10_000);
  expect(published).toEqual([]);
  states.set("h1", STATE);
  await pass(10_000);
  expect(published.length).toBe(13);
  sys.stop();
  published.length = 0;
  await pass(60_000);
  expect(published).toEqual([]);
});

test("the counters of a deleted hub are removed from memory", async () => {
  const { sys, told } = openSys();
  sys.traffic("h2").bytesSent = 5;
  sys.forget("h2");
  expect(told("h2", "$SYS/broker/bytes/sent")).toEqual({ "$SYS/broker/bytes/sent": "0" });
});
