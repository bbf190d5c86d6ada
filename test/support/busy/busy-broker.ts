import { listDevicesOfHub } from "../../../src/hub/registry/device-rows.ts";
import { SYSTEM } from "../../../src/kernel/actor.ts";
import { acknowledge, releaseOutgoing } from "../../../src/mqtt/persistence/acknowledge.ts";
import {
  dropEndedQueues,
  dropExpiredMessages,
  dropRetainedOfDeletedHubs,
  expireSessions,
} from "../../../src/mqtt/persistence/clear-away.ts";
import { openSession } from "../../../src/mqtt/persistence/open-session.ts";
import { publishMessage } from "../../../src/mqtt/persistence/publish-message.ts";
import { saveSubscriptions } from "../../../src/mqtt/persistence/save-subscriptions.ts";
import { NEVER_EXPIRES_S } from "../../../src/mqtt/persistence/session-rows.ts";
import { suspendSession } from "../../../src/mqtt/persistence/suspend-session.ts";
import type { Message } from "../../../src/mqtt/wire/message.ts";
import type { Command } from "../../../src/store/sqlite/command.ts";
import { aWill, bytes, subscription } from "../mqtt/mqtt-store.ts";
import type { World } from "../world/world.ts";

type Doing = (_: unknown, which: number, how: number) => Promise<unknown>;
type Account = { hubOf: (which: number) => string | undefined; odd: (how: number) => string };

/** Commands that a broker sends to the store for the devices of an account, by number. */
export function brokerDoings(world: World, { hubOf, odd }: Account): Doing[] {
  const run = <Input, Result>(command: Command<Input, Result>, input: Input) =>
    world.store.write(command, SYSTEM, input);
  const message = (topic: string, how: number): Message => ({
    topic,
    payload: bytes(odd(how).repeat(how % 3 ? 1 : 500)),
    qos: how % 2 ? 2 : 1,
    retain: how % 5 === 0,
    properties: how % 2 ? { contentType: odd(how), userProperties: [[odd(how + 1), odd(how + 2)]] } : null,
    publishedAt: world.clock.now(),
    expiresAt: how % 7 ? null : world.clock.now() + 1000 * how,
  });
  const publish = (hubId: string, published: Message, rest: Partial<Parameters<typeof publishMessage.run>[2]> = {}) =>
    run(publishMessage, { hubId, message: published, recipients: [], retain: false, receivedFrom: null, ...rest });

  return [
    async (_, which, how) => {
      const hubId = hubOf(which);
      if (!hubId) return;
      const kept = message(`kept/${which % 6}/${odd(which)}`, how);
      await publish(hubId, how % 4 ? kept : { ...kept, payload: bytes("") }, { retain: true });
    },
    async (_, which, how) => {
      const hubId = hubOf(which);
      const devices = hubId ? world.store.read((reader) => listDevicesOfHub(reader, hubId, 10)) : [];
      const deviceId = devices[how % (devices.length || 1)]?.id;
      if (!hubId || !deviceId) return;
      const expiryIntervalS = [60, 1_000_000, NEVER_EXPIRES_S][how % 3] as number;
      const { sessionId, next } = await run(openSession, {
        hubId,
        deviceId,
        clientId: `c${which % 3}`,
        cleanStart: which % 5 === 0,
        expiryIntervalS,
        will: how % 2 ? aWill({ topic: odd(how), delayS: which % 100 }) : null,
      });
      if (sessionId === null) return;
      await run(saveSubscriptions, { sessionId, subscriptions: [subscription(`a/${how % 4}`), subscription("b/#")] });
      for (let i = 0; i < 5; i++) {
        await publish(hubId, message(`a/${odd(i)}`, how + i), {
          recipients: [{ sessionId, qos: i % 2 ? 1 : 2, retain: false, subscriptionIdentifiers: [i + 1] }],
          receivedFrom: i === 3 ? { sessionId, packetId: 1 + (which % 9) } : null,
        });
      }
      await run(releaseOutgoing, { sessionId, position: next + 2 });
      await run(acknowledge, { sessionId, positions: [next, next + (how % 3)] });
      const ends = which % 4 === 0;
      if (which % 3) {
        const left = { sessionId, expiryIntervalS: ends ? 0 : expiryIntervalS, sentThrough: next + 1 };
        await run(suspendSession, { ...left, will: how % 3 ? "publish" : "discard" });
      }
    },
    async () => {
      await run(expireSessions, { limit: 10 });
      for (const drop of [dropEndedQueues, dropRetainedOfDeletedHubs, dropExpiredMessages])
        await run(drop, { limit: 10 });
    },
  ];
}
