import { z } from "zod";
import type { Failure, Issue } from "../../kernel/failure.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Operation } from "../operation.ts";
import type { Refusal } from "../surface.ts";

/**
 * Error bodies of the hub API (specification 1.6). Clients choose a class by `type`, and need every member of that
 * class.
 */
export const HubErrorView = z.looseObject({ type: z.string().optional(), message: z.string() });

/** What 404 means in the OpenAPI document. */
export const NOT_IN_ACCOUNT = "No such thing in this account";

type Rule<Code> = (failure: Extract<Failure, { code: Code }>, operation: Operation | undefined) => Refusal;

const TABLE: { [Code in Failure["code"]]: Rule<Code> } = {
  invalid: ({ kind, message, issues }, operation) => {
    const place = operation?.bodyLimits?.depth.path ?? "body";
    if (kind === "too_large") return invalidArguments([detail({ path: place, message, reason: "constraint" })]);
    return invalidArguments((issues ?? [{ path: "", message }]).map(detail));
  },
  unauthenticated: ({ malformed }) =>
    standard(401, "denied_authentication", "authentication is denied", {
      method: "api_key",
      reason: malformed ? "invalid_argument" : "not_found",
    }),
  forbidden: (_, operation) =>
    standard(403, "permissions_denied", "insufficient permissions", {
      details: operation
        ? [{ action: operation.method === "get" ? "read" : "write", resource: resourceOf(operation) }]
        : [],
    }),
  not_found: ({ resource, id }, operation) => {
    if (!operation) return { status: 404, body: { message: "resource is not found" } };
    return standard(404, "not_found", "resource is not found", { resource: nameOf(resource), resource_id: id });
  },
  conflict: ({ kind, message, obstacle, inUse }) => {
    if (kind === "exists" || kind === "busy") {
      const { resource = "", id = "" } = obstacle ?? {};
      if (kind === "busy") {
        const state = { resource, resource_id: id, current_state: "busy" };
        return standard(409, "transient_state", "resource is in a transient state", state);
      }
      const existing = { resource, resource_id: id, help_message: message };
      return standard(409, "already_exists", "resource already exists", existing);
    }
    return standard(412, "precondition_failed", "precondition is not respected", {
      precondition: inUse ? "resource_still_in_use" : "unknown_precondition",
      help_message: message,
    });
  },
  version_mismatch: ({ message }) => invalidArguments([detail({ path: "version", message, reason: "constraint" })]),
  limited: ({ kind, message, retryAfterMs, quota }) => {
    if (kind === "quota") return standard(403, "quotas_exceeded", "quota exceeded", { details: quota ? [quota] : [] });
    const reset = retryAfterMs === undefined ? {} : { reset_seconds: Math.ceil(retryAfterMs / 1000) };
    return standard(429, "too_many_requests", "too many requests", { help_message: message, ...reset });
  },
  unavailable: ({ message }) => ({ status: 503, body: { message } }),
};

/** Implements the error table of the hub API. An internal error reveals no details. */
export function hubRefusalOf(failure: Failure | undefined, operation: Operation | undefined): Refusal {
  if (!failure) return { status: 500, body: { message: "internal error" } };
  const rule = TABLE[failure.code] as (failure: Failure, operation: Operation | undefined) => Refusal;
  return rule(failure, operation);
}

const HELP_LENGTH_MAX = 500;

const standard = (status: number, type: string, message: string, rest: JsonObject): Refusal => ({
  status,
  body: { type, message, ...rest },
  logged: { type },
});

const invalidArguments = (details: JsonObject[]) =>
  standard(400, "invalid_arguments", "invalid argument(s)", { details });

const detail = ({ path, message, reason = "format" }: Issue): JsonObject => ({
  argument_name: path || "body",
  reason,
  help_message: message.slice(0, HELP_LENGTH_MAX),
});

/** The rooms say `Twin`; this API says `twin`. */
const nameOf = (resource: string) =>
  resource === "Document" ? "twin_document" : resource.toLowerCase().replaceAll(" ", "_");

function resourceOf({ path }: Operation): string {
  if (path.startsWith("/twins")) return "iot_twin";
  return path.startsWith("/devices") ? "iot_device" : "iot_hub";
}
