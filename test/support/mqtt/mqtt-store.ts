import { SYSTEM } from "../../../src/kernel/actor.ts";
import { openSession } from "../../../src/mqtt/persistence/open-session.ts";
import { publishMessage, type Recipient } from "../../../src/mqtt/persistence/publish-message.ts";
import { listQueued } from "../../../src/mqtt/persistence/queue-rows.ts";
import { suspendSession } from "../../../src/mqtt/persistence/suspend-session.ts";
import type { StoredWill } from "../../../src/mqtt/persistence/will.ts";
import type { Message, Subscription } from "../../../src/mqtt/wire/message.ts";
import type { Command } from "../../../src/store/sqlite/command.ts";
import { expectConsistent } from "../store/breakages.ts";
import { openHub } from "../world/hub.ts";

export const bytes = (text: string) => new TextEncoder().encode(text);
export const textOf = (payload: Uint8Array | undefined) => (payload ? new TextDecoder().decode(payload) : undefined);

export const subscription = (filter: string, rest: Partial<Subscription> = {}): Subscription => ({
  filter,
  qos: 1,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  subscriptionIdentifier: null,
  ...rest,
});

export const aWill = (rest: Partial<StoredWill> = {}): StoredWill => ({
  topic: "gone",
  payload: bytes("bye"),
  qos: 1,
  retain: false,
  properties: null,
  delayS: 0,
  messageExpiryS: null,
  ...rest,
});

/** The bytes charged to a hub, and those computed from its rows. */
const USAGE = `SELECT bytes, retained_count,
    (SELECT coalesce(sum(charged_bytes), 0) FROM mqtt_queue WHERE hub_number = number)
      + (SELECT coalesce(sum(bytes), 0) FROM mqtt_messages WHERE hub_number = number)
      + (SELECT coalesce(sum(bytes), 0) FROM mqtt_retained WHERE hub_number = number)
      + (SELECT coalesce(sum(bytes), 0) FROM mqtt_wills WHERE hub_number = number) AS told,
    (SELECT count(*) FROM mqtt_retained WHERE hub_number = number) AS retained_told
  FROM mqtt_usage`;

/** A hub with a device, and the session layer's commands to the store. */
export async function openMqttStore() {
  const opened = await openHub();
  const { world, hub, createDevice } = opened;
  const { device } = await createDevice("panel");
  const run = <Input, Result>(command: Command<Input, Result>, input: Input) =>
    world.store.write(command, SYSTEM, input);

  const message = (topic: string, payload = "", rest: Partial<Message> = {}): Message => ({
    topic,
    payload: bytes(payload),
    qos: 1,
    retain: false,
    properties: null,
    expiresAt: null,
    publishedAt: world.clock.now(),
    ...rest,
  });
  const open = (rest: Partial<Parameters<typeof openSession.run>[2]> = {}) =>
    run(openSession, {
      hubId: hub.id,
      clientId: "c",
      deviceId: device.id,
      cleanStart: false,
      expiryIntervalS: 3600,
      will: null,
      ...rest,
    });
  /** The id of a stored session. */
  const openKept = async (rest: Parameters<typeof open>[0] = {}) => (await open(rest)).sessionId as number;
  const suspend = (sessionId: number, rest: Partial<Parameters<typeof suspendSession.run>[2]> = {}) =>
    run(suspendSession, { sessionId, expiryIntervalS: 3600, will: "publish", ...rest });
  const to = (sessionId: number, rest: Partial<Recipient> = {}): Recipient => ({
    sessionId,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: [],
    ...rest,
  });
  const publish = (
    sent: Message,
    recipients: Recipient[],
    rest: Partial<Parameters<typeof publishMessage.run>[2]> = {},
  ) => run(publishMessage, { hubId: hub.id, message: sent, recipients, retain: false, receivedFrom: null, ...rest });
  const queued = (sessionId: number, from = 1, limit = 1000) =>
    world.store.read((reader) => listQueued(reader, sessionId, from, limit));
  /** Whether every hub is charged for exactly what its rows hold. */
  const usage = () => world.query(USAGE);

  return {
    ...opened,
    device,
    run,
    message,
    open,
    openKept,
    suspend,
    to,
    publish,
    queued,
    usage,
    count: (table: string) => world.query(`SELECT count(*) AS count FROM ${table}`)[0].count as number,
    async [Symbol.asyncDispose]() {
      try {
        expectConsistent(world.dataDir);
      } finally {
        await world[Symbol.asyncDispose]();
      }
    },
  };
}
