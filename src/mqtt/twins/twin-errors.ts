import { DomainError, type Failure, type Issue } from "../../kernel/failure.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { REASON, type ReasonCode } from "../wire/packets.ts";

/** The answer to a refused document request (specification 3.5), and the reason code for MQTT 5 acknowledgements. */
export type TwinRefusal = { reasonCode: ReasonCode; error: string; versions?: JsonObject };

type Rule<Code> = (failure: Extract<Failure, { code: Code }>) => TwinRefusal;

const TABLE: { [Code in Failure["code"]]: Rule<Code> } = {
  invalid: ({ kind, message, issues = [] }) => {
    if (kind === "parameter") return refusal(REASON.payloadFormatInvalid, "invalid document name");
    if (kind === "too_large") return refusal(REASON.payloadFormatInvalid, "document is too large");
    const exceeds = issues.some(({ reason }) => reason === "constraint");
    if (exceeds && kind === "json") return refusal(REASON.payloadFormatInvalid, "document is nested too deeply");
    if (exceeds) return refusal(REASON.payloadFormatInvalid, inSpecSpelling(message));
    return refusal(REASON.payloadFormatInvalid, `invalid document ${concernsVersion(issues) ? "version" : "format"}`);
  },
  forbidden: () => refusal(REASON.notAuthorized, "permission denied"),
  unauthenticated: () => refusal(REASON.notAuthorized, "permission denied"),
  not_found: ({ message }) => refusal(REASON.implementationSpecific, inSpecSpelling(message)),
  conflict: ({ message }) => refusal(REASON.implementationSpecific, inSpecSpelling(message)),
  version_mismatch: ({ message, expected, actual }) => ({
    ...refusal(REASON.implementationSpecific, message),
    versions: { expected_version: expected, actual_version: actual },
  }),
  limited: ({ message }) => refusal(REASON.quotaExceeded, inSpecSpelling(message)),
  unavailable: () => refusal(REASON.unspecified, "internal error"),
};

/** Implements the error table of document requests. For an internal error the answer gives no details. */
export function twinRefusalOf(error: unknown): TwinRefusal {
  if (!(error instanceof DomainError)) return refusal(REASON.unspecified, "internal error");
  const rule = TABLE[error.failure.code] as (failure: Failure) => TwinRefusal;
  return rule(error.failure);
}

const refusal = (reasonCode: ReasonCode, error: string): TwinRefusal => ({ reasonCode, error });

/** If other parts of the document are malformed, its version is not considered. */
const concernsVersion = (issues: Issue[]) => issues.length > 0 && issues.every(({ path }) => path === "version");

/** Converts a sentence to the specification's format: `document not found`. */
const inSpecSpelling = (message: string) => message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, "");
