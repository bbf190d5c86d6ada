import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { setPriority } from "node:os";
import type { MqttWire } from "../../support/mqtt/mqtt-wire.ts";
import { say } from "../server/attacked-server.ts";
import { MB } from "../server/request-outcome.ts";
import { openMqttSiege } from "./attacked-broker.ts";

// Clients that take more than their share: others must not lose a message, and the server must not grow without bound.
// How much slower others get depends on the machine; it is printed.

setDefaultTimeout(180_000);

const SECONDS = Number(process.env["TWINPOST_HOSTILE_SECONDS"] || 5);
type Siege = Awaited<ReturnType<typeof openMqttSiege>>;

/** Latency of others without an attack. From then on the attacker, which is this process, has a lower priority. */
async function quiet(siege: Siege): Promise<number> {
  await siege.report();
  await Bun.sleep(2_000);
  const { p99Ms } = await siege.report();
  yieldProcessor(19);
  return p99Ms;
}

/** An attacker elsewhere on the network does not use the server's own processor; here it would. */
function yieldProcessor(niceness: number): void {
  try {
    setPriority(niceness);
  } catch {
    // Only root may raise it again; otherwise all later processes have the same priority.
  }
}

afterEach(() => yieldProcessor(0));

const compare = (quietMs: number, attackedMs: number) =>
  say(`p99 of others: ${quietMs} ms when quiet, ${attackedMs} ms attacked: ${(attackedMs / quietMs).toFixed(1)} times`);

/** Publishes until the time is over or the connection ends; returns how much was sent. */
async function flood(wire: MqttWire, topic: string, bytes: number, qos: 0 | 1, seconds: number): Promise<number> {
  const payload = Buffer.alloc(bytes, "x");
  const end = performance.now() + seconds * 1_000;
  let sent = 0;
  let acknowledged = 0;
  const window = Math.max(4, Math.floor(MB / bytes));
  while (performance.now() < end && wire.isOpen) {
    const messageId = qos ? (sent % 65_535) + 1 : undefined;
    wire.send({ cmd: "publish", topic, payload, qos, messageId });
    sent++;
    if (qos && sent - acknowledged >= window) {
      await wire.expect("puback");
      acknowledged++;
    }
    if (!qos) await wire.flushed();
  }
  while (qos && acknowledged < sent && wire.isOpen) {
    await wire.expect("puback");
    acknowledged++;
  }
  if (!qos && wire.isOpen) await wire.expectQuiet();
  return sent;
}

for (const transport of ["tcp", "websocket"] as const) {
  test(`a subscriber that stops reading costs a bounded amount, and others do not notice, by ${transport}`, async () => {
    await using siege = await openMqttSiege();
    const device = await siege.device("slow");
    const quietMs = await quiet(siege);
    const slow: MqttWire[] = [];
    for (const qos of [0, 1] as const) {
      const wire = await siege.open(siege.addresses[transport]);
      await wire.connect({ clientId: `slow ${qos}`, username: device });
      await wire.subscribe(`flood/${qos}`, qos);
      wire.pause();
      slow.push(wire);
    }
    const publishers = await Promise.all([siege.client(device, "loud 0"), siege.client(device, "loud 1")]);
    const sent = await Promise.all(
      publishers.map((wire, qos) => flood(wire, `flood/${qos}`, 8 * 1024, qos as 0 | 1, SECONDS)),
    );
    say(`${sent[0]} messages at QoS 0 and ${sent[1]} at QoS 1, of 8 kB, for who does not read them`);
    const { p99Ms } = await siege.expectUnharmed({ growthMb: 200 });
    compare(quietMs, p99Ms);
    // What the slow ones read now is whole packets, or the end of the connection.
    for (const wire of slow) {
      wire.resume();
      const next = await wire.next().catch(() => undefined);
      if (next) expect(next.cmd).toBe("publish");
    }
  });
}

test("a subscriber that stops reading returns to its session, and has lost nothing that was acknowledged", async () => {
  await using siege = await openMqttSiege();
  const device = await siege.device("slow");
  const slow = await siege.client(device, "slow", { clean: false });
  await slow.subscribe("flood", 1);
  slow.pause();
  const loud = await siege.client(device, "loud");
  const count = 2_000;
  let acknowledged = 0;
  for (let i = 0; i < count; i++) {
    loud.send({ cmd: "publish", topic: "flood", payload: Buffer.alloc(8 * 1024, `${i};`), qos: 1, messageId: i + 1 });
    if (i - acknowledged > 50) {
      await loud.expect("puback");
      acknowledged++;
    }
  }
  for (; acknowledged < count; acknowledged++) await loud.expect("puback");
  slow.abort();
  const back = await siege.client(device, "slow", { clean: false });
  for (let i = 0; i < count; i++) {
    const { payload, messageId } = await back.expect("publish", { topic: "flood", qos: 1 });
    expect(String(payload).startsWith(`${i};`)).toBe(true);
    back.send({ cmd: "puback", messageId });
  }
  await back.expectQuiet();
  await siege.expectUnharmed({ growthMb: 200 });
});

test("1 000 half-open connections are closed after seconds, and others do not notice", async () => {
  await using siege = await openMqttSiege();
  const device = await siege.device("half-open");
  const quietMs = await quiet(siege);
  const wires: MqttWire[] = [];
  const open = async (i: number) => {
    const wire = await siege.open(siege.addresses[i % 2 ? "tcp" : "websocket"]);
    const connect = wire.bytesOf({ cmd: "connect", clientId: `half ${i}`, username: device });
    // Nothing; half a CONNECT; the beginning of a huge one; one byte at a time.
    if (i % 4 === 1) wire.send(connect.subarray(0, connect.length / 2));
    if (i % 4 === 2) wire.send(Uint8Array.of(0x10, 0xff, 0xff, 0x7f, 0, 4, 77));
    if (i % 4 === 3) wire.send(connect.subarray(0, 1));
    wires.push(wire);
  };
  for (let i = 0; i < 1_000; i += 100) await Promise.all(Array.from({ length: 100 }, (_, at) => open(i + at)));
  const began = performance.now();
  await Promise.all(wires.map(({ ended }) => ended));
  say(`1000 half-open connections were cut off after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  const { p99Ms } = await siege.expectUnharmed({ growthMb: 100 });
  compare(quietMs, p99Ms);
});

test("connections that stop within a packet take no more memory than they sent", async () => {
  await using siege = await openMqttSiege();
  const device = await siege.device("waiting");
  for (let i = 0; i < 200; i++) {
    const wire = await siege.client(device, `waiting ${i}`);
    // A PUBLISH that announces 4 MB, which never arrive.
    wire.send(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x02, 0, 1, 97), Buffer.alloc(1_000));
    await wire.flushed();
  }
  await (await siege.client(device, "last")).expectQuiet();
  await siege.expectUnharmed({ growthMb: 100 });
});

for (const qos of [0, 1] as const) {
  test(`a client that publishes 1 MB messages as fast as it can at QoS ${qos} does not starve others`, async () => {
    await using siege = await openMqttSiege();
    const device = await siege.device("loud");
    const quietMs = await quiet(siege);
    const loud = await siege.client(device, "loud");
    const hears = await siege.client(device, "hears");
    await hears.subscribe("huge", qos);
    let heard = 0;
    const listening = (async () => {
      for (;;) {
        const { cmd, messageId } = await hears.next();
        if (cmd !== "publish") continue;
        heard++;
        if (qos) hears.send({ cmd: "puback", messageId });
      }
    })().catch(() => {});
    const sent = await flood(loud, "huge", MB, qos, SECONDS);
    say(`${sent} messages of 1 MB in ${SECONDS} s; a subscriber that reads got ${heard} of them meanwhile`);
    const { p99Ms } = await siege.expectUnharmed({ growthMb: 400 });
    compare(quietMs, p99Ms);
    hears.abort();
    await listening;
  });
}
