import type { MessageProperties } from "../wire/message.ts";
import type { MessageFields } from "../wire/packets.ts";

/**
 * What a message keeps of the properties that it was published with, or that a will has; null if there is nothing.
 * The topic alias, the delay of a will and the expiry interval are not among it: they are used up on the way.
 */
export function passedOn(properties: MessageFields | undefined): MessageProperties | null {
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
