import { expect, test } from "bun:test";
import type { Deps } from "../../../src/deps.ts";
import { type EventSettings, type HubEvent, HubEvents } from "../../../src/mqtt/events/hub-events.ts";
import type { Message } from "../../../src/mqtt/wire/message.ts";
import { headerText } from "../../../src/mqtt/wire/packet-text.ts";
import { TestClock } from "../../support/test-clock.ts";

const REFUSED: HubEvent = {
  severity: "error",
  objectType: "device",
  objectId: "d1",
  msg: "mutual TLS authentication is required",
  packet: "CONNECT: dup: false qos: 0 retain: false rLength: 12",
};

function openEvents(settings: Partial<EventSettings> = {}, listen: (hubId: string) => void = () => {}) {
  const clock = new TestClock();
  clock.set(Date.UTC(2020, 0, 17, 15, 1, 29, 730));
  const published: { hubId: string; message: Message }[] = [];
  const events = new HubEvents(
    { clock } as unknown as Deps,
    (hubId, message) => {
      published.push({ hubId, message });
      listen(hubId);
    },
    (hubId) => (hubId === "gone" ? undefined : { disableEvents: false, eventsTopicPrefix: "$SCW/events", ...settings }),
  );
  const textOf = ({ message }: { message: Message }) => new TextDecoder().decode(message.payload);
  return { clock, events, published, texts: () => published.map(textOf) };
}

test("an event has the topic and the payload of the specification's example", () => {
  const { events, published, texts } = openEvents();
  events.emit("h1", REFUSED);
  expect(published).toMatchObject([
    { hubId: "h1", message: { topic: "$SCW/events/error/device/d1", qos: 0, retain: false, properties: null } },
  ]);
  expect(texts()).toEqual([
    '{"time":"2020-01-17T15:01:29Z","severity":"error","object-type":"device","object-id":"d1",' +
      '"msg":"mutual TLS authentication is required","packet":"CONNECT: dup: false qos: 0 retain: false rLength: 12"}',
  ]);
});

test("the object id is unknown for an unidentified client, and the packet is left out if there is none", () => {
  const { events, published, texts } = openEvents({ eventsTopicPrefix: "my/events" });
  events.emit("h1", { severity: "warn", objectType: "device", objectId: null, msg: "could not identify device" });
  events.emit("h1", { severity: "info", objectType: "hub", objectId: "h1", msg: "hub is not ready" });
  expect(published.map(({ message }) => message.topic)).toEqual([
    "my/events/warn/device/unknown",
    "my/events/info/hub/h1",
  ]);
  expect(JSON.parse(texts()[0] as string)).toEqual({
    time: "2020-01-17T15:01:29Z",
    severity: "warn",
    "object-type": "device",
    "object-id": "unknown",
    msg: "could not identify device",
  });
});

test("the event of an automatically provisioned device has its name and address", () => {
  const { events, texts } = openEvents();
  const provisioned = { objectName: "panel", sourceAddress: "192.0.2.7:50123" };
  events.emit("h1", { ...REFUSED, severity: "info", msg: "device was auto-provisioned", ...provisioned });
  expect(JSON.parse(texts()[0] as string)).toMatchObject({
    "object-name": "panel",
    "source-address": "192.0.2.7:50123",
  });
});

test("a hub with events disabled and a deleted hub publish no events", () => {
  const { events, published } = openEvents({ disableEvents: true });
  events.emit("h1", REFUSED);
  const { events: others, published: othersPublished } = openEvents();
  others.emit("gone", REFUSED);
  expect([...published, ...othersPublished]).toEqual([]);
});

test("a flood of refusals becomes a hundred events and then twenty a second, for this hub alone", () => {
  const { clock, events, published } = openEvents();
  const refused = { ...REFUSED, proved: true };
  for (let i = 0; i < 1000; i++) events.emit("h1", refused);
  expect([published.length, events.dropped("h1")]).toEqual([100, 900]);
  events.emit("h2", refused);
  expect([published.length, events.dropped("h2")]).toEqual([101, 0]);
  clock.advance(1000);
  for (let i = 0; i < 1000; i++) events.emit("h1", refused);
  expect(published.length).toBe(121);
  clock.advance(60_000);
  for (let i = 0; i < 1000; i++) events.emit("h1", refused);
  expect(published.length).toBe(221);
  clock.set(0);
  events.emit("h1", refused);
  expect(published.length).toBe(221);
  events.forget("h1");
  expect(events.dropped("h1")).toBe(0);
});

test("a flood of unauthenticated connections gets half of the events, and the other half is kept for authenticated ones", () => {
  const { clock, events, published, texts } = openEvents();
  const proved = { ...REFUSED, proved: true, msg: "unauthorized topic a/b" };
  const flood = () => {
    const before = published.length;
    for (let i = 0; i < 1000; i++) events.emit("h1", REFUSED);
    return published.length - before;
  };
  expect(flood()).toBe(50);
  for (let i = 0; i < 50; i++) events.emit("h1", proved);
  expect(texts().filter((text) => text.includes("unauthorized topic a/b")).length).toBe(50);
  // The same holds from second to second.
  for (let second = 0; second < 10; second++) {
    clock.advance(1000);
    expect(flood()).toBe(10);
    for (let i = 0; i < 1000; i++) events.emit("h1", proved);
    expect(published.length).toBe(100 + (second + 1) * 20);
  }
});

test("an event never causes an event", () => {
  const { events, published } = openEvents({}, (hubId) => events.emit(hubId, REFUSED));
  events.emit("h1", REFUSED);
  events.emit("h1", REFUSED);
  expect(published.length).toBe(2);
});

test("an event that contains a client's topic is limited in size and well-formed", () => {
  const { events, texts } = openEvents();
  events.emit("h1", { ...REFUSED, msg: `unauthorized topic ${"x".repeat(1004)}\u{1f600}${"x".repeat(60_000)}` });
  const { msg } = JSON.parse(texts()[0] as string);
  expect([msg.length, msg.isWellFormed(), msg.startsWith("unauthorized topic xxx")]).toEqual([1024, true, true]);
});

test("a packet is described as in the specification, whether or not it can be decoded", () => {
  expect(headerText(new Uint8Array([0x10, 12]))).toBe("CONNECT: dup: false qos: 0 retain: false rLength: 12");
  expect(headerText(new Uint8Array([0x3d, 0xac, 0x02]))).toBe("PUBLISH: dup: true qos: 2 retain: true rLength: 300");
  expect(headerText(new Uint8Array([0x82]))).toBe("SUBSCRIBE: dup: false qos: 1 retain: false rLength: 0");
  expect(headerText(new Uint8Array())).toBe("RESERVED: dup: false qos: 0 retain: false rLength: 0");
});
