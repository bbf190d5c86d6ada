import { expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../../src/kernel/actor.ts";
import { createLog } from "../../../src/kernel/log.ts";
import { systemRandom } from "../../../src/kernel/random.ts";
import { acknowledge, releaseOutgoing, releaseReceivedPacketId } from "../../../src/mqtt/persistence/acknowledge.ts";
import { openSession } from "../../../src/mqtt/persistence/open-session.ts";
import { publishMessage } from "../../../src/mqtt/persistence/publish-message.ts";
import { listQueued } from "../../../src/mqtt/persistence/queue-rows.ts";
import { suspendLeftConnected, suspendSession } from "../../../src/mqtt/persistence/suspend-session.ts";
import type { Message } from "../../../src/mqtt/wire/message.ts";
import { openServerStore, type Store } from "../../../src/store/store.ts";
import { seedDevices } from "../../support/mqtt/mqtt-seed.ts";
import { expectConsistent } from "../../support/store/breakages.ts";
import { migratedFolder } from "../../support/store/migrated-folder.ts";
import { TestClock } from "../../support/test-clock.ts";

// The law of a queue, against a model that is a list: positions count 1, 2, 3, …; stored messages stay, in order, until
// they are acknowledged, through every closing and opening of the database; a packet identifier is accepted once.

const SESSIONS = 3;
const PACKETS = 4;
const session = fc.nat(SESSIONS - 1);

const anyStep = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("publish" as const),
      to: fc.array(fc.record({ session, qos: fc.constantFrom(1 as const, 2 as const) }), { maxLength: 4 }),
      large: fc.boolean(),
      from: fc.option(fc.record({ session, packetId: fc.integer({ min: 1, max: PACKETS }) })),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("acknowledge" as const), session, which: fc.array(fc.nat(12)) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("release" as const), session, which: fc.nat(12) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("receivedAll" as const),
      session,
      packetId: fc.integer({ min: 1, max: PACKETS }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("reconnect" as const), session, suspended: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clean" as const), session }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("reopen" as const), died: fc.boolean() }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer Drawn> ? Drawn : never;

type Kept = { position: number; text: string; qos: 1 | 2; released: boolean };
type Model = { id: number; next: number; queue: Kept[]; received: Set<number> };

async function openLaw() {
  const folder = await migratedFolder();
  const clock = new TestClock();
  const log = createLog(
    "silent",
    () => clock.now(),
    () => {},
  );
  const options = { dataDir: folder.path, clock, random: systemRandom, log };
  const { hubId, deviceIds } = seedDevices(folder.path, 1);
  const deviceId = deviceIds[0] as string;
  let store: Store = await openServerStore(options);
  const models: Model[] = [];
  let serial = 0;

  const open = (index: number, cleanStart = false) =>
    store.write(openSession, SYSTEM, {
      hubId,
      deviceId,
      clientId: `c${index}`,
      cleanStart,
      expiryIntervalS: 1e6,
      will: null,
    });

  async function start(index: number) {
    const { sessionId, present } = await open(index, true);
    expect(present).toBe(false);
    models[index] = { id: sessionId as number, next: 1, queue: [], received: new Set() };
  }

  /** The stored session equals the model. */
  async function compare(index: number) {
    const { id, next, queue, received } = models[index] as Model;
    const opened = await open(index);
    expect(opened).toMatchObject({ sessionId: id, present: true, next, oldest: queue[0]?.position ?? next });
    expect(opened.received).toEqual([...received].sort((a, b) => a - b));
    const found = store.read((reader) => listQueued(reader, id, 1, 1000));
    expect(
      found.map(({ position, qos, released, message }) => ({
        position,
        qos,
        released,
        text: message ? new TextDecoder().decode(message.payload.slice(0, 8)).trim() : "",
      })),
    ).toEqual(queue.map(({ text, ...rest }) => ({ ...rest, text: rest.released ? "" : text })));
  }

  async function publish({ to, large, from }: Extract<Step, { kind: "publish" }>) {
    const text = String(++serial);
    const payload = new TextEncoder().encode(text.padEnd(large ? 3000 : 8));
    const message: Message = {
      topic: "t",
      payload,
      qos: 2,
      retain: false,
      properties: null,
      publishedAt: clock.now(),
      expiresAt: null,
    };
    const source = from && { model: models[from.session] as Model, packetId: from.packetId };
    const known = source?.model.received.has(source.packetId) ?? false;
    const result = await store.write(publishMessage, SYSTEM, {
      hubId,
      message,
      retain: false,
      receivedFrom: source && { sessionId: source.model.id, packetId: source.packetId },
      recipients: to.map(({ session, qos }) => ({
        sessionId: (models[session] as Model).id,
        qos,
        retain: false,
        subscriptionIdentifiers: [],
      })),
    });
    expect([result.duplicate, result.dropped]).toEqual([known, 0]);
    if (known) return;
    source?.model.received.add(source.packetId);
    const positions = to.map(({ session, qos }) => {
      const model = models[session] as Model;
      model.queue.push({ position: model.next, text, qos, released: false });
      return model.next++;
    });
    expect(result.positions).toEqual(positions);
  }

  async function take(step: Step) {
    if (step.kind === "publish") return publish(step);
    if (step.kind === "reopen") {
      await store.close();
      store = await openServerStore(options);
      if (step.died) await store.write(suspendLeftConnected, SYSTEM, { afterId: 0, limit: 100 });
      return;
    }
    if (step.kind === "clean") return start(step.session);
    const model = models[step.session] as Model;
    if (step.kind === "acknowledge") {
      const positions = step.which.map((which) => model.next - 1 - which);
      model.queue = model.queue.filter(({ position }) => !positions.includes(position));
      await store.write(acknowledge, SYSTEM, { sessionId: model.id, positions });
    } else if (step.kind === "release") {
      const position = model.next - 1 - step.which;
      for (const kept of model.queue) if (kept.position === position) kept.released = true;
      await store.write(releaseOutgoing, SYSTEM, { sessionId: model.id, position });
    } else if (step.kind === "receivedAll") {
      model.received.delete(step.packetId);
      await store.write(releaseReceivedPacketId, SYSTEM, { sessionId: model.id, packetId: step.packetId });
    } else {
      const input = { sessionId: model.id, expiryIntervalS: 1e6, will: "publish" as const };
      if (step.suspended) await store.write(suspendSession, SYSTEM, input);
      await compare(step.session);
    }
  }

  return {
    async play(steps: Step[]) {
      for (let i = 0; i < SESSIONS; i++) await start(i);
      for (const step of steps) await take(step);
      for (let i = 0; i < SESSIONS; i++) await compare(i);
      expectConsistent(folder.path);
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      folder[Symbol.dispose]();
    },
  };
}

test("a queue keeps its messages, in order and once, until they are acknowledged, wherever the database is closed", async () => {
  const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 60, size: "max" }), async (steps) => {
    await using law = await openLaw();
    await law.play(steps);
  });
  await fc.assert(property, { numRuns: 20, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true });
});
