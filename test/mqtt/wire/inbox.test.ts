import { expect, test } from "bun:test";
import fc from "fast-check";
import { Inbox } from "../../../src/mqtt/wire/inbox.ts";
import { bytes, packet } from "./bytes.ts";

const MAX = 1_000_000;

test("packets come out whole and in order, wherever their bytes were cut and reading was stopped", () => {
  const body = fc.uint8Array({ maxLength: 200 });
  const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 });
  const stops = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(body, { maxLength: 12 }), cuts, stops, fc.boolean(), (bodies, cuts, stops, isLate) => {
      const packets = bodies.map((each) => packet(0x30, each));
      const all = bytes(...packets);
      const inbox = new Inbox(MAX);
      const out: Uint8Array[] = [];
      let step = 0;
      const read = (piece?: Uint8Array) => {
        let left = stops[step++ % stops.length] as number;
        inbox.read((frame) => {
          out.push(frame.slice());
          return --left > 0;
        }, piece);
      };
      for (let at = 0, cut = 0; at < all.length; cut++) {
        const end = at + (cuts[cut % cuts.length] as number);
        const piece = all.slice(at, end);
        if (isLate) inbox.keep(piece);
        else read(piece);
        at = end;
      }
      while (inbox.hasUnread) read();
      expect(out).toEqual(packets);
      expect(inbox.unreadBytes).toBe(0);
    }),
  );
});

test("small packets that wait take no more memory than they did on the wire", () => {
  const inbox = new Inbox(MAX);
  const pings = new Uint8Array(200_000).map((_, at) => (at % 2 === 0 ? 0xc0 : 0));
  inbox.read(() => false, pings);
  expect([inbox.unreadBytes, inbox.memoryBytes]).toEqual([199_998, 199_998]);
});

test("a small remainder does not keep a large chunk in memory", () => {
  const inbox = new Inbox(MAX);
  const whole = bytes(packet(0x30, new Uint8Array(100_000)), packet(0xc0, new Uint8Array()));
  inbox.read(() => false, whole);
  let kept: Uint8Array | undefined;
  inbox.read((frame) => {
    kept = frame;
  });
  expect(kept?.buffer.byteLength).toBe(2);
});
