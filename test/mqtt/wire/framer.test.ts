import { expect, test } from "bun:test";
import fc from "fast-check";
import { Framer } from "../../../src/mqtt/wire/framer.ts";
import { ProtocolError, REASON } from "../../../src/mqtt/wire/packets.ts";
import { bytes, packet, uint16 } from "./bytes.ts";

const MAX = 1_000_000;

function frames(pieces: Uint8Array[], packetBytesMax = MAX): Uint8Array[] {
  const framer = new Framer(packetBytesMax);
  const out: Uint8Array[] = [];
  for (const piece of pieces) framer.push(piece, (frame) => out.push(frame.slice()));
  return out;
}

function refusal(pieces: Uint8Array[], packetBytesMax = MAX): ProtocolError {
  try {
    frames(pieces, packetBytesMax);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error("was let through");
}

function cut(all: Uint8Array, at: number[]): Uint8Array[] {
  const points = [0, ...at.map((point) => point % (all.length + 1)).sort((a, b) => a - b), all.length];
  return points.slice(1).map((end, index) => all.slice(points[index], end));
}

test("packets come out whole, wherever their bytes were cut", () => {
  const body = fc.oneof(fc.uint8Array({ maxLength: 10 }), fc.uint8Array({ minLength: 120, maxLength: 1000 }));
  fc.assert(
    fc.property(fc.array(body, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (bodies, at) => {
      const packets = bodies.map((each) => packet(0x30, each));
      expect(frames(cut(bytes(...packets), at))).toEqual(packets);
    }),
  );
});

test("the framer returns whole packets from single bytes, for each size of the length field", () => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384]) {
    const whole = packet(0x30, new Uint8Array(length).fill(7));
    const all = bytes(whole, packet(0xc0), whole);
    expect(frames([...all].map((byte) => bytes(byte)))).toEqual([whole, packet(0xc0), whole]);
  }
  const longest = packet(0x30, new Uint8Array(2_097_152));
  expect(frames([longest.subarray(0, 7), longest.subarray(7)], longest.length)).toEqual([longest]);
});

test("a length may be padded to four bytes, as MQTT 3 allows", () => {
  expect(frames([bytes(0x30, 0x83, 0x80, 0x80, 0x00, "abc")])).toEqual([bytes(0x30, 0x83, 0x80, 0x80, 0x00, "abc")]);
});

test("a packet over the maximum is refused by its length, before it has arrived", () => {
  expect(frames([packet(0x30, new Uint8Array(98))], 100)).toHaveLength(1);
  expect(refusal([bytes(0x30, 99)], 100)).toMatchObject({ reasonCode: REASON.packetTooLarge });
  expect(refusal([bytes(0x30), bytes(0xff), bytes(0xff), bytes(0xff), bytes(0x7f)])).toMatchObject({
    reasonCode: REASON.packetTooLarge,
  });
});

test("a length of over four bytes is malformed, wherever it is cut", () => {
  const bad = bytes(0x30, 0xff, 0xff, 0xff, 0xff);
  for (let at = 0; at <= bad.length; at++) {
    expect(refusal([bad.slice(0, at), bad.slice(at)])).toMatchObject({ reasonCode: 0x81, clause: "MQTT-1.5.5-1" });
  }
});

test("a reserved type or wrong flags are refused by the first byte alone [MQTT-2.1.3-1]", () => {
  for (let first = 0; first < 256; first++) {
    const [type, flags] = [first >> 4, first & 15];
    const expected = [6, 8, 10].includes(type) ? 2 : 0;
    const allowed = type === 3 || (type > 0 && (flags === expected || (expected === 2 && flags === 10)));
    if (allowed) expect(frames([bytes(first, 0)])).toHaveLength(1);
    else expect(refusal([bytes(first)])).toMatchObject({ reasonCode: 0x81 });
  }
});

test("held bytes are counted, and do not grow with the length that a header announces", () => {
  const framer = new Framer(5_000_000);
  framer.push(bytes(0x30, 0xff, 0xff, 0xff, 0x01, "abc"), () => {});
  expect(framer.partialBytes).toBe(8);
  const done = new Framer(100);
  done.push(packet(0x40, uint16(1)), () => {});
  expect(done.partialBytes).toBe(0);
});
