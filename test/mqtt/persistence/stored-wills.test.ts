import { expect, test } from "bun:test";
import type { Job } from "../../../src/deps.ts";
import { Scheduler } from "../../../src/jobs/scheduler.ts";
import type { WillDue } from "../../../src/mqtt/persistence/will.ts";
import { mqttJobs } from "../../../src/mqtt/store-jobs.ts";
import { aWill, bytes, openMqttStore, textOf } from "../../support/mqtt/mqtt-store.ts";

/** Runs the jobs on the world's clock, publishing wills as a broker would. */
async function openWills() {
  const mqtt = await openMqttStore();
  const published: [topic: string, at: number][] = [];
  const expired: number[] = [];
  const start = mqtt.world.clock.now();
  const publishWill = async ({ will, message }: WillDue) => {
    const { duplicate } = await mqtt.publish(message, [], { will });
    if (!duplicate) published.push([message.topic, mqtt.world.clock.now() - start]);
  };
  const jobs: readonly Job[] = mqttJobs({ onWill: publishWill, onExpired: (ids) => expired.push(...ids) });
  const scheduler = new Scheduler(mqtt.world.deps, jobs);
  scheduler.start();
  return {
    ...mqtt,
    published,
    expired,
    publishWill,
    async pass(ms: number) {
      await scheduler.settled();
      mqtt.world.clock.advance(ms);
      await scheduler.settled();
    },
    async [Symbol.asyncDispose]() {
      await scheduler.stop();
      await mqtt[Symbol.asyncDispose]();
    },
  };
}

test("a will without delay is due at once, even if its session is stored for nothing else", async () => {
  await using mqtt = await openWills();
  for (const expiryIntervalS of [0, 60]) {
    const sessionId = await mqtt.openKept({
      expiryIntervalS,
      will: aWill({ messageExpiryS: 5, retain: true, qos: 2 }),
    });
    const { dueWill } = await mqtt.suspend(sessionId, { expiryIntervalS });
    expect(dueWill).toMatchObject({ hubId: mqtt.hub.id, deviceId: mqtt.device.id });
    const now = mqtt.world.clock.now();
    expect(dueWill?.message).toMatchObject({ topic: "gone", qos: 2, retain: true, publishedAt: now });
    expect([textOf(dueWill?.message.payload), dueWill?.message.expiresAt]).toEqual(["bye", now + 5000]);
    await mqtt.publishWill(dueWill as WillDue);
    await mqtt.publishWill(dueWill as WillDue);
  }
  await mqtt.pass(1000);
  expect([mqtt.published.map(([topic]) => topic), mqtt.count("mqtt_wills")]).toEqual([["gone", "gone"], 0]);
});

test("a will is discarded by a normal DISCONNECT [MQTT-3.1.2-10]", async () => {
  await using mqtt = await openWills();
  const sessionId = await mqtt.openKept({ will: aWill({ delayS: 5 }) });
  expect(await mqtt.suspend(sessionId, { will: "discard" })).toEqual({ dueWill: null });
  await mqtt.pass(10_000);
  expect([mqtt.published, mqtt.count("mqtt_wills"), mqtt.usage()[0].bytes]).toEqual([[], 0, 0]);
});

test("a delayed will is published when its delay is over, or when its session ends if that is sooner [MQTT-3.1.2-8]", async () => {
  await using mqtt = await openWills();
  const delayed = await mqtt.openKept({ clientId: "delay", will: aWill({ topic: "delay", delayS: 20 }) });
  const ending = await mqtt.openKept({ clientId: "end", will: aWill({ topic: "end", delayS: 500 }) });
  const zero = await mqtt.openKept({
    clientId: "zero",
    expiryIntervalS: 0,
    will: aWill({ topic: "zero", delayS: 500 }),
  });
  expect(await mqtt.suspend(delayed)).toEqual({ dueWill: null });
  expect(await mqtt.suspend(ending, { expiryIntervalS: 10 })).toEqual({ dueWill: null });
  const { dueWill } = await mqtt.suspend(zero, { expiryIntervalS: 0 });
  expect(dueWill?.message.topic).toBe("zero");
  await mqtt.pass(9_999);
  expect(mqtt.published).toEqual([]);
  for (let i = 0; i < 60; i++) await mqtt.pass(i === 0 ? 1 : 1000);
  // The first was not published by its broker: the job publishes it with the next that is due.
  expect(mqtt.published).toEqual([
    ["zero", 10_000],
    ["end", 10_000],
    ["delay", 20_000],
  ]);
  expect(mqtt.expired).toEqual([ending]);
});

test("a client that returns in time cancels its delayed will; a clean start makes it due", async () => {
  await using mqtt = await openWills();
  const sessionId = await mqtt.openKept({ will: aWill({ delayS: 20 }) });
  await mqtt.suspend(sessionId);
  expect((await mqtt.open({ will: aWill({ topic: "second", delayS: 20 }) })).dueWills).toEqual([]);
  await mqtt.suspend(sessionId);
  const { dueWills } = await mqtt.open({ cleanStart: true });
  expect(dueWills.map(({ message }) => message.topic)).toEqual(["second"]);
  for (const will of dueWills) await mqtt.publishWill(will);
  await mqtt.pass(60_000);
  expect(mqtt.published.map(([topic]) => topic)).toEqual(["second"]);
});

test("the will of a connection that is taken over is published, unless it is delayed and the session is resumed [MQTT-3.1.4-3]", async () => {
  await using mqtt = await openWills();
  const takeOver = async (delayS: number, cleanStart: boolean) => {
    await mqtt.open({ will: aWill({ delayS }) });
    const { dueWills } = await mqtt.open({ cleanStart });
    for (const will of dueWills) await mqtt.publishWill(will);
    return dueWills.length;
  };
  expect([
    await takeOver(0, false),
    await takeOver(9, false),
    await takeOver(0, true),
    await takeOver(9, true),
  ]).toEqual([1, 0, 1, 1]);
});

test("a will that could not be published is retried, and no will is lost over a restart", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept({ will: aWill({ payload: bytes("x".repeat(5000)) }) });
  const subscriber = await mqtt.openKept({ clientId: "subscriber" });
  await mqtt.suspend(sessionId);
  let failures = 2;
  const jobs = mqttJobs({
    onWill: async ({ will, message }) => {
      if (failures-- > 0) throw new Error("not now");
      await mqtt.publish(message, [mqtt.to(subscriber)], { will });
    },
  });
  const scheduler = new Scheduler(mqtt.world.deps, jobs);
  scheduler.start();
  for (let i = 0; i < 10; i++) {
    await scheduler.settled();
    mqtt.world.clock.advance(250);
  }
  await scheduler.stop();
  expect(mqtt.queued(subscriber).map(({ message }) => message?.topic)).toEqual(["gone"]);
  expect(mqtt.count("mqtt_wills")).toBe(0);
});

test("a will that was published without its number is dropped after it", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept({ will: aWill() });
  await mqtt.suspend(sessionId);
  const told: string[] = [];
  const publishWills = mqttJobs({ onWill: async ({ message }) => void told.push(message.topic) })[1] as Job;
  expect(await publishWills.run(mqtt.world.deps)).toEqual({ done: 1, more: false });
  expect(await publishWills.run(mqtt.world.deps)).toEqual({ done: 0, more: false });
  expect(told).toEqual(["gone"]);
});
