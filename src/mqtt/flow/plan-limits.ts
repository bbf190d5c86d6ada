import type { Hub } from "../../hub/registry/hub-rows.ts";
import type { Connect, Publish, QoS } from "../wire/packets.ts";

// Features that the vendor's shared plan lacks (specification 5.3), in the vendor's words. Each function returns the event's
// text, or undefined.

const ON_SHARED = "service level:";

const PLAN_LIMITS = {
  refusesConnect: ({ clean, properties, protocolVersion }: Connect): string | undefined =>
    clean && !(protocolVersion === 5 && properties?.sessionExpiryInterval)
      ? undefined
      : `${ON_SHARED} "clean session" flag is mandatory to connect to a shared hub`,
  refusesPublish({ qos, retain }: Publish): string | undefined {
    if (retain) return `${ON_SHARED} publishing retained messages is forbidden on a shared hub`;
    if (qos === 2) return `${ON_SHARED} publishing QoS 2 messages is forbidden on a shared hub`;
    return undefined;
  },
  refusesSubscription: (qos: QoS): string | undefined =>
    qos > 0 ? `${ON_SHARED} subscribing with QoS 1-2 is forbidden on a shared hub` : undefined,
};

type PlanLimits = typeof PLAN_LIMITS;

/** The limits of a hub's plan; undefined if it has none, or if plans are not enforced on this server. */
export const planLimitsOf = (hub: Hub, isSwitchedOn: boolean): PlanLimits | undefined =>
  isSwitchedOn && hub.productPlan === "plan_shared" ? PLAN_LIMITS : undefined;
