import { generate, type Packet } from "mqtt-packet";
import type { Level } from "../../../src/mqtt/wire/packets.ts";
import type { Chance } from "../../rules/chance.ts";

// Invalid packets, made from valid ones.

const TOPICS = [
  "a",
  "a/b",
  "hall/light",
  "$SCW/twins/me/desired/get",
  "$SCW/twins/me/x/put",
  "$share/g/a",
  "a/+",
  "#",
  "$SYS/x",
];
const TEXTS = ["", "x", "{}", '{"data":{"a":1}}', "x".repeat(300), "\u00e9\ufeff\u{1f600}"];
const BYTES = [0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xfe, 0xff];

/** A CONNECT that is accepted, of one of a few clients, so that they meet. */
export function connectOf(chance: Chance, device: string, level: Level): Uint8Array {
  const packet = {
    cmd: "connect",
    protocolId: level === 3 ? "MQIsdp" : "MQTT",
    protocolVersion: level,
    clientId: `fuzz ${chance.below(24)}`,
    username: device,
    clean: chance.maybe(0.8),
    keepalive: chance.below(100),
    ...(chance.maybe(0.3) && {
      will: { topic: chance.one(TOPICS), payload: Buffer.from("will"), qos: chance.below(3) },
    }),
    ...(level === 5 && chance.maybe(0.5) && { properties: propertiesOf(chance, CONNECT_PROPERTIES) }),
  };
  return write(packet, level);
}

const CONNECT_PROPERTIES = {
  sessionExpiryInterval: 100,
  receiveMaximum: 3,
  maximumPacketSize: 5_000,
  topicAliasMaximum: 4,
  requestProblemInformation: true,
  userProperties: { a: "1" },
};
const PUBLISH_PROPERTIES = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 5,
  topicAlias: 2,
  responseTopic: "answers",
  correlationData: Buffer.from([1, 2, 3]),
  userProperties: { a: ["1", "2"], b: "3" },
  contentType: "text/plain",
};

function propertiesOf<T extends object>(chance: Chance, all: T): Partial<T> {
  return Object.fromEntries(Object.entries(all).filter(() => chance.maybe(0.4))) as Partial<T>;
}

/** A packet that a client may send when it is connected. */
function packetOf(chance: Chance, level: Level): Uint8Array {
  const messageId = 1 + chance.below(5);
  const acks = ["puback", "pubrec", "pubrel", "pubcomp"] as const;
  const five = <T>(value: T) => (level === 5 && chance.maybe(0.5) ? value : {});
  switch (chance.below(8)) {
    case 0:
    case 1:
    case 2: {
      const topic = chance.one(TOPICS).replace(/[+#]/g, "x");
      const more = {
        topic,
        payload: Buffer.from(chance.one(TEXTS)),
        qos: chance.below(3),
        retain: chance.maybe(0.2),
        dup: false,
      };
      return write(
        { cmd: "publish", messageId, ...more, ...five({ properties: propertiesOf(chance, PUBLISH_PROPERTIES) }) },
        level,
      );
    }
    case 3: {
      const subscriptions = [
        { topic: chance.one(TOPICS), qos: chance.below(3), ...five({ nl: true, rap: true, rh: 1 }) },
      ];
      return write(
        { cmd: "subscribe", messageId, subscriptions, ...five({ properties: { subscriptionIdentifier: 7 } }) },
        level,
      );
    }
    case 4:
      return write({ cmd: "unsubscribe", messageId, unsubscriptions: [chance.one(TOPICS)] }, level);
    case 5:
      return write(
        { cmd: chance.one(acks), messageId, ...five({ reasonCode: 0, properties: { reasonString: "x" } }) },
        level,
      );
    case 6:
      return write({ cmd: "pingreq" }, level);
    default:
      return write({ cmd: "disconnect", ...five({ reasonCode: 4, properties: { sessionExpiryInterval: 9 } }) }, level);
  }
}

const write = (packet: object, level: Level) => generate(packet as Packet, { protocolVersion: level });

/** A packet changed at random, or left unchanged so that the packets after it are reached. */
export function mutantOf(chance: Chance, device: string, level: Level): Uint8Array {
  const origin = chance.maybe(0.15) ? connectOf(chance, device, level) : packetOf(chance, level);
  if (chance.maybe(0.1)) return origin;
  let bytes = Buffer.from(origin);
  for (let i = 1 + chance.below(3); i > 0; i--) bytes = mutate(chance, bytes, () => packetOf(chance, level));
  return bytes;
}

/** Bytes that were never a packet. */
export function noiseOf(chance: Chance): Uint8Array {
  return Uint8Array.from({ length: 1 + chance.below(chance.maybe(0.1) ? 5_000 : 60) }, () => chance.below(256));
}

function mutate(chance: Chance, bytes: Buffer<ArrayBuffer>, other: () => Uint8Array): Buffer<ArrayBuffer> {
  const at = chance.below(Math.max(1, bytes.length));
  const changed = Buffer.from(bytes);
  switch (chance.below(8)) {
    case 0:
      changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8));
      return changed;
    case 1:
      changed[at] = chance.one(BYTES);
      return changed;
    case 2:
      return changed.subarray(0, at);
    case 3:
      return Buffer.concat([
        changed.subarray(0, at),
        Buffer.from(noiseOf(chance)).subarray(0, 8),
        changed.subarray(at),
      ]);
    case 4: // a slice repeated, such as a property
      return Buffer.concat([changed.subarray(0, at), changed.subarray(Math.max(0, at - chance.below(12)))]);
    case 5:
      return Buffer.concat([changed.subarray(0, at), Buffer.from(other()).subarray(chance.below(4))]);
    case 6: // the length in its header
      changed[1] = chance.below(256);
      return changed;
    default: // its type and its flags
      changed[0] = chance.below(256);
      return changed;
  }
}
