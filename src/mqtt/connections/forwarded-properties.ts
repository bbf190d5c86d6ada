import type { MessageProperties } from "../wire/message.ts";
import type { MessageFields } from "../wire/packets.ts";

/**
 * The properties that are forwarded with a message or a will; null if there are none. Topic alias, will delay and
 * expiry interval are not among them: they end here or change on the way.
 */
export function forwardedProperties(properties: MessageFields | undefined): MessageProperties | null {
  if (!properties) return null;
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  const kept: MessageProperties = {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData).toString("base64") }),
    ...(userProperties !== undefined && { userProperties }),
  };
  return Object.keys(kept).length > 0 ? kept : null;
}
