import type { Hub } from "../../hub/registry/hub-rows.ts";
import { forwardedProperties } from "../connections/forwarded-properties.ts";
import { isReserved } from "../events/reserved-topics.ts";
import type { AccessFilters } from "../matching/access-filters.ts";
import type { StoredWill } from "../persistence/will.ts";
import type { Connect } from "../wire/packets.ts";

type Place = { access: AccessFilters; hub: Hub; say(msg: string): void };

/**
 * The will of a CONNECT, to be stored [MQTT-3.1.2-7], or null. One that its device may not publish is dropped: message
 * filters apply to wills too, and no connection would be left for the answer to a twin request (specification 3.3,
 * 4.4).
 */
export function willOf({ will }: Connect, { access, hub, say }: Place): StoredWill | null {
  if (!will) return null;
  const { topic, payload, qos, retain, properties } = will;
  if (isReserved(topic, hub.eventsTopicPrefix) || !access.mayPublish(topic)) {
    say(`unauthorized topic ${topic}`);
    return null;
  }
  return {
    topic,
    payload: payload.slice(),
    qos,
    retain,
    properties: forwardedProperties(properties),
    delayS: properties?.willDelayInterval ?? 0,
    messageExpiryS: properties?.messageExpiryInterval ?? null,
  };
}
