import fc from "fast-check";
import { decode, levelOf } from "../../../src/mqtt/wire/codec.ts";
import { Framer } from "../../../src/mqtt/wire/framer.ts";
import { type ClientPacket, type Level, ProtocolError } from "../../../src/mqtt/wire/packets.ts";
import { isTopicName, parseFilter } from "../../../src/mqtt/wire/topics.ts";
import { type Chance, newChance } from "../../rules/chance.ts";
import { bytes, CLEAN, connect, counted, packet, uint16 } from "./bytes.ts";
import { encodeAny } from "./encode-any.ts";
import { clientPacket } from "./packets.ts";

const PACKET_BYTES_MAX = 5_000;

/** Valid packets to start from: for MQTT 5 all kinds, for the earlier levels one of each. */
function corpus(seed: number): Uint8Array[] {
  const id = uint16(1);
  return [
    ...fc.sample(clientPacket, { seed, numRuns: 200 }).map(encodeAny),
    connect(3, CLEAN, counted("panel")),
    connect(4, 0b1100_0110, counted("panel"), counted("w/t"), counted("gone"), counted("user"), counted("pass")),
    packet(0x3b, counted("a/b"), id, "payload"),
    packet(0x82, id, counted("a/+"), 1, counted("$share/g/#"), 2),
    packet(0xa2, id, counted("a/+"), counted("b")),
    packet(0x62, id),
    packet(0xe0),
  ];
}

const changes: ((chance: Chance, all: number[]) => void)[] = [
  (chance, all) => {
    all[chance.below(all.length)] = chance.below(256);
  },
  (chance, all) => {
    const at = chance.below(all.length);
    all[at] = (all[at] as number) ^ (1 << chance.below(8));
  },
  (chance, all) => {
    all.splice(chance.below(all.length), 1 + chance.below(4));
  },
  (chance, all) => {
    all.splice(chance.below(all.length), 0, ...Array.from({ length: 1 + chance.below(4) }, () => chance.below(256)));
  },
  (chance, all) => {
    all[chance.below(all.length)] = chance.one([0, 1, 2, 3, 0x26, 0x7f, 0x80, 0xc0, 0xed, 0xff]);
  },
  (chance, all) => {
    const at = chance.below(all.length);
    all.push(...all.slice(at, at + chance.below(40)));
  },
];

/** Mostly with a corrected length, so that the change itself is decoded. */
function mutated(chance: Chance, sound: Uint8Array): Uint8Array {
  const all = [...sound];
  const count = 1 + chance.below(2);
  for (let i = 0; i < count && all.length > 0; i++) chance.one(changes)(chance, all);
  if (all.length < 2 || chance.maybe(0.2)) return bytes(all);
  let header = 1;
  while (header < Math.min(5, all.length - 1) && (all[header] as number) >= 0x80) header++;
  return packet(all[0] as number, all.slice(header + 1));
}

const noise = (chance: Chance) => bytes(Array.from({ length: chance.below(60) }, () => chance.below(256)));

/**
 * Decodes packets changed at random and cut at random, at every level; throws at the first that is neither decoded nor
 * refused.
 */
export function survives(seed: number, count: number): { read: number; refused: number } {
  const chance = newChance(seed);
  const sound = corpus(seed);
  const counts = { read: 0, refused: 0 };
  for (let i = 0; i < count; i++) {
    const input = chance.maybe(0.02) ? noise(chance) : mutated(chance, chance.one(sound));
    const connecting = (input[0] as number) >> 4 === 1 && !chance.maybe(0.05);
    const level = connecting ? null : chance.one<Level | null>([3, 4, 5, 5, 5, 5, 5, 5]);
    try {
      feed(chance, input, level, counts);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw new Error(`seed ${seed}, input ${i}, level ${level}: ${Buffer.from(input).toString("hex")}`, {
          cause: error,
        });
      }
      if (error.clause === "" || error.reasonCode < 0x80) throw new Error(`refused without a reason: ${error.message}`);
      counts.refused++;
    }
  }
  return counts;
}

function feed(chance: Chance, input: Uint8Array, level: Level | null, counts: { read: number }): void {
  const framer = new Framer(PACKET_BYTES_MAX);
  const cut = chance.below(input.length + 1);
  for (const piece of [input.subarray(0, cut), input.subarray(cut)]) {
    framer.push(piece, (frame) => {
      if (level === null) levelOf(frame);
      check(decode(frame, level));
      counts.read++;
    });
  }
  if (framer.partialBytes > input.length) throw new Error("holds more than there was");
}

/** Guarantees of every decoded packet. */
function check(read: ClientPacket): void {
  const holds = (condition: boolean, what: string) => {
    if (!condition) throw new Error(`let through: ${what} in ${JSON.stringify(read)}`);
  };
  if ("messageId" in read) holds((read.messageId as number) > 0, "packet identifier 0");
  if (read.cmd === "publish") {
    holds(isTopicName(read.topic) || (read.topic === "" && (read.properties?.topicAlias ?? 0) > 0), "topic name");
    holds(read.qos > 0 === (read.messageId !== undefined), "identifier without QoS");
    holds(read.properties?.subscriptionIdentifier === undefined, "subscription identifier");
  }
  if (read.cmd === "connect" && read.will) holds(isTopicName(read.will.topic), "will topic");
  if (read.cmd === "subscribe") for (const { topic } of read.subscriptions) holds(!!parseFilter(topic), "filter");
  if (read.cmd === "unsubscribe") for (const filter of read.unsubscriptions) holds(!!parseFilter(filter), "filter");
  holds(
    everyText(read, (text) => text.isWellFormed() && !text.includes("\0")),
    "text",
  );
}

function everyText(value: unknown, test: (text: string) => boolean): boolean {
  if (typeof value === "string") return test(value);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return true;
  return Object.values(value).every((each) => everyText(each, test));
}
