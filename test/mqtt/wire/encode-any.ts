import { generate } from "mqtt-packet";
import { forwardedProperties } from "../../../src/mqtt/connections/forwarded-properties.ts";
import { encodePublish } from "../../../src/mqtt/wire/codec.ts";
import type { ClientPacket } from "../../../src/mqtt/wire/packets.ts";

/** The bytes of any client packet, at level 5: encoded by mqtt-packet, except PUBLISH. */
export function encodeAny(sent: ClientPacket): Uint8Array {
  if (sent.cmd !== "publish") return new Uint8Array(generate(theirs(sent) as never, { protocolVersion: 5 }));
  const { properties, messageId = 0, ...fields } = sent;
  const { topicAlias, messageExpiryInterval } = properties ?? {};
  return encodePublish(
    { ...fields, messageId, topicAlias, messageExpiryInterval, properties: forwardedProperties(properties) },
    5,
  );
}

/** As mqtt-packet expects it: bytes as a Buffer, each user property as an object of its own. */
function theirs(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(theirs);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      name === "userProperties" ? (each as [string, string][]).map((pair) => Object.fromEntries([pair])) : theirs(each),
    ]),
  );
}
