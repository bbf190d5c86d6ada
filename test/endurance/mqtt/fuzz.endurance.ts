import { expect, test } from "bun:test";
import { type Chance, newChance } from "../../rules/chance.ts";
import type { Level, WireAddress } from "../../support/mqtt/mqtt-wire.ts";
import { openStream, type WireStream } from "../../support/mqtt/wire-stream.ts";
import { say } from "../server/attacked-server.ts";
import { openMqttSiege } from "./attacked-broker.ts";
import { connectOf, mutantOf, noiseOf } from "./mutated-packets.ts";

/** A million when run by hand; continuous integration has less time. */
const PACKETS = Number(process.env["TWINPOST_FUZZ_PACKETS"] || 1_000_000);
const SEED = Number(process.env["TWINPOST_FUZZ_SEED"] || Date.now() % 1_000_000_000);
const CONNECTIONS = 48;
/** After this a server that has not closed a finished client's connection never will. */
const PATIENCE_MS = 20_000;

test(
  `${PACKETS} mutated packets and random streams, over TCP and WebSocket, do not affect a neighbour`,
  async () => {
    say(`seed ${SEED}`);
    await using siege = await openMqttSiege();
    const device = await siege.device("fuzzer");
    let sent = 0;
    let connections = 0;
    const attackers = Array.from({ length: CONNECTIONS }, async (_, index) => {
      const chance = newChance(SEED + index);
      const address = index % 3 === 0 ? siege.addresses.websocket : siege.addresses.tcp;
      while (sent < PACKETS) {
        const count = await attack(chance, address, device);
        sent += count;
        connections++;
      }
    });
    const began = performance.now();
    await Promise.all(attackers);
    const seconds = (performance.now() - began) / 1_000;
    say(`${sent} packets and streams on ${connections} connections in ${seconds.toFixed(0)} s`);
    // The device works as before.
    const after = await siege.client(device, "after all");
    await after.subscribe("after", 1);
    await after.publish("elsewhere", "x", { qos: 2 });
    const { p99Ms, trouble } = await siege.expectUnharmed({ growthMb: 300 });
    expect([trouble, p99Ms > 0]).toEqual([[], true]);
  },
  PACKETS * 2 + 120_000,
);

/**
 * One connection: mostly a valid CONNECT, then a few mutants or noise, in pieces; both sides close. Returns how many
 * packets those were.
 */
async function attack(chance: Chance, address: WireAddress, device: string): Promise<number> {
  const level = chance.one<Level>([3, 4, 5]);
  const isNoise = chance.maybe(0.15);
  const parts = Array.from({ length: isNoise ? 1 : 1 + chance.below(7) }, () =>
    isNoise ? noiseOf(chance) : mutantOf(chance, device, level),
  );
  const first = chance.maybe(0.85) ? [connectOf(chance, device, level)] : [];
  const ended = Promise.withResolvers<void>();
  const stream = await openStream(address, { onBytes: () => {}, onClose: () => ended.resolve() });
  const timer = setTimeout(() => {
    ended.reject(new Error("the server left a connection open that its client had closed"));
    stream.abort();
  }, PATIENCE_MS);
  try {
    write(chance, stream, Buffer.concat([...first, ...parts]), address.transport === "websocket");
    if (chance.maybe(0.9)) stream.end();
    else {
      await stream.flushed();
      stream.abort();
    }
    await ended.promise;
  } finally {
    clearTimeout(timer);
  }
  return parts.length;
}

function write(chance: Chance, stream: WireStream, bytes: Buffer, isWeb: boolean): void {
  for (let at = 0; at < bytes.length; ) {
    const length = chance.maybe(0.7) ? bytes.length - at : 1 + chance.below(bytes.length - at);
    const piece = bytes.subarray(at, at + length);
    at += length;
    if (isWeb && chance.maybe(0.03))
      stream.writeFrame(chance.below(16), piece, { final: chance.maybe(0.5), masked: chance.maybe(0.9) });
    else stream.write(piece);
  }
}
