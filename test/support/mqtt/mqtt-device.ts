import { connectAsync, type IClientOptions, type IClientPublishOptions } from "mqtt";
import type { QoS } from "../../../src/mqtt/wire/packets.ts";
import type { Json } from "../world/world.ts";

type DeviceMessage = { topic: string; text: string; qos: QoS; retain: boolean };
export type MqttDevice = Awaited<ReturnType<typeof connectDevice>>;

const LIMIT_MS = 10_000;

/**
 * A device with the stock client mqtt.js, on the transport of the URL. Received messages wait until the test takes
 * them.
 */
export async function connectDevice(url: string, options: IClientOptions) {
  const client = await connectAsync(url, { reconnectPeriod: 0, connectTimeout: LIMIT_MS, ...options }, false);
  const waiting: DeviceMessage[] = [];
  let arrived = () => {};
  client.on("message", (topic, payload, { qos, retain }) => {
    waiting.push({ topic, text: payload.toString(), qos, retain });
    arrived();
  });

  /** Takes the next message, waiting for it if necessary. */
  async function next(): Promise<DeviceMessage> {
    if (waiting.length === 0) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      arrived = resolve;
      const timer = setTimeout(() => reject(new Error(`nothing came in ${LIMIT_MS} ms`)), LIMIT_MS);
      await promise.finally(() => clearTimeout(timer));
    }
    return waiting.shift() as DeviceMessage;
  }
  const publish = (topic: string, payload: Json = "", rest: IClientPublishOptions = {}) =>
    client.publishAsync(topic, typeof payload === "string" ? payload : JSON.stringify(payload), { qos: 1, ...rest });

  return {
    client,
    next,
    publish,
    /** Returns the granted QoS, 128 if it was refused. */
    async subscribe(filter: string, qos: QoS = 0): Promise<number> {
      const [granted] = await client.subscribeAsync(filter, { qos });
      return granted?.qos ?? 128;
    },
    /** Publishes, and returns the next message, which must be the answer. */
    async ask(topic: string, payload: Json = ""): Promise<{ topic: string; body: Json }> {
      await publish(topic, payload);
      const { topic: answered, text } = await next();
      return { topic: answered, body: JSON.parse(text) };
    },
    /**
     * Everything it has received by now. It publishes a message to itself: earlier messages have arrived when that has;
     * so it must be subscribed to `marker/#`.
     */
    async received(): Promise<DeviceMessage[]> {
      const marker = `marker/${crypto.randomUUID()}`;
      await publish(marker, "", { qos: 0 });
      const messages: DeviceMessage[] = [];
      for (let message = await next(); message.topic !== marker; message = await next()) messages.push(message);
      return messages;
    },
    async [Symbol.asyncDispose]() {
      await client.endAsync(true);
    },
  };
}
