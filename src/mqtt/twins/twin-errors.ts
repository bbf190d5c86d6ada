import { DomainError, type Failure, type Issue } from "../../kernel/failure.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { REASON, type ReasonCode } from "../wire/packets.ts";

/** What a refused request about a document is answered with (specification 3.5), and the code that MQTT 5 acknowledges it with. */
export type TwinRefusal = { reasonCode: ReasonCode; error: string; versions?: JsonObject };

type Rule<Code> = (failure: Extract<Failure, { code: Code }>) => TwinRefusal;

const TABLE: { [Code in Failure["code"]]: Rule<Code> } = {
  invalid: ({ kind, message, issues = [] }) => {
    if (kind === "parameter") return refusal(REASON.payloadFormatInvalid, "invalid document name");
    if (kind === "too_large") return refusal(REASON.payloadFormatInvalid, "document is too large");
    const exceeds = issues.some(({ reason }) => reason === "constraint");
    if (exceeds && kind === "json") return refusal(REASON.payloadFormatInvalid, "document is nested too deeply");
    if (exceeds) return refusal(REASON.payloadFormatInvalid, spoken(message));
    return refusal(REASON.payloadFormatInvalid, `invalid document ${concernsVersion(issues) ? "version" : "format"}`);
  },
  forbidden: () => refusal(REASON.notAuthorized, "permission denied"),
  unauthenticated: () => refusal(REASON.notAuthorized, "permission denied"),
  not_found: ({ message }) => refusal(REASON.implementationSpecific, spoken(message)),
  conflict: ({ message }) => refusal(REASON.implementationSpecific, spoken(message)),
  version_mismatch: ({ message, expected, actual }) => ({
    ...refusal(REASON.implementationSpecific, message),
    versions: { expected_version: expected, actual_version: actual },
  }),
  limited: ({ message }) => refusal(REASON.quotaExceeded, spoken(message)),
  unavailable: () => refusal(REASON.unspecified, "internal error"),
};

/** The error table of requests about documents. What is our bug says nothing of itself. */
export function twinRefusalOf(error: unknown): TwinRefusal {
  if (!(error instanceof DomainError)) return refusal(REASON.unspecified, "internal error");
  const rule = TABLE[error.failure.code] as (failure: Failure) => TwinRefusal;
  return rule(error.failure);
}

const refusal = (reasonCode: ReasonCode, error: string): TwinRefusal => ({ reasonCode, error });

/** A document whose form is wrong has no version to speak of. */
const concernsVersion = (issues: Issue[]) => issues.length > 0 && issues.every(({ path }) => path === "version");

/** A sentence of the rooms as the specification spells it: `document not found`. */
const spoken = (message: string) => message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, "");
