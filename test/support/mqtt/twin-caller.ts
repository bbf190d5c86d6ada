import { type TwinCaller, TwinRequests } from "../../../src/mqtt/twins/twin-topics.ts";
import type { Message } from "../../../src/mqtt/wire/message.ts";
import type { Publish, QoS, ReasonCode } from "../../../src/mqtt/wire/packets.ts";
import { openHub } from "../world/hub.ts";
import type { Json } from "../world/world.ts";

type TwinAnswer = { topic: string; body: Json; qos: QoS; message: Message };

/** A device's connection without its wire: its publishes go to the twin API, and the answers are kept. */
export function connectTwin(
  deps: Awaited<ReturnType<typeof openHub>>["world"]["deps"],
  ids: { accountId: string; deviceId: string; hubId: string },
  level: TwinCaller["level"] = 4,
) {
  const answers: TwinAnswer[] = [];
  /** The filters that it is subscribed to, by prefix of their topics, with the granted QoS. */
  const granted = new Map<string, QoS>([["$SCW/twins/", 1]]);
  const requests = new TwinRequests(deps, {
    level,
    deviceId: ids.deviceId,
    hubId: ids.hubId,
    actor: { kind: "device", accountId: ids.accountId, deviceId: ids.deviceId },
    grantedQos: (topic) => [...granted].find(([prefix]) => topic.startsWith(prefix))?.[1],
    deliver: (message, qos) => {
      const body = JSON.parse(new TextDecoder().decode(message.payload));
      answers.push({ topic: message.topic, body, qos, message });
    },
  });
  const handle = (topic: string, payload: unknown = "", rest: Partial<Publish> = {}) => {
    const bytes = bytesOf(payload);
    const packet: Publish = { cmd: "publish", topic, payload: bytes, qos: 1, dup: false, retain: false, ...rest };
    const handled = requests.handle(packet);
    // As a socket does that reads the next bytes into the same buffer.
    bytes.fill(0);
    return handled;
  };
  /** Publishes, and resolves with the single answer. */
  async function ask(topic: string, payload: unknown = "", rest: Partial<Publish> = {}) {
    const before = answers.length;
    const reasonCode: ReasonCode | undefined = await handle(topic, payload, rest);
    if (answers.length !== before + 1) throw new Error(`${topic} got ${answers.length - before} answers`);
    return { reasonCode, ...(answers[before] as TwinAnswer) };
  }
  return { requests, answers, granted, handle, ask };
}

function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload.slice();
  return new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload));
}

/** A hub with one device that requests its documents. */
export async function openTwin(settings: Record<string, string> = {}, level: TwinCaller["level"] = 4) {
  const hub = await openHub(settings);
  const { device } = await hub.createDevice("panel", { allow_insecure: true });
  const ids = { accountId: hub.caller.account, deviceId: device.id as string, hubId: hub.hub.id as string };
  return {
    ...hub,
    ...ids,
    ...connectTwin(hub.world.deps, ids, level),
    documentPath: (name: string) => `/twins/${device.id}/documents/${name}`,
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}
