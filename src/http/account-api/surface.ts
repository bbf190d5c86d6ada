import { type Authenticator, credentialFrom, unauthenticated } from "../../access/model/authenticate.ts";
import type { UserActor } from "../../kernel/actor.ts";
import type { Failure } from "../../kernel/failure.ts";
import { dictionaryFrom } from "../dictionary.ts";
import type { Refusal, Refused, Surface } from "../surface.ts";
import { accountRefusalOf, INTERNAL_ERROR } from "./errors.ts";

/** The conventions of the account API (specification 1.1 to 1.9). */
export const ACCOUNT_API: Surface = {
  name: "account",
  prefix: "",
  bodyBytesMax: 65_536,
  pathFirst: false, // 1.2
  callerOf,
  dictionaryOf: (headers) => dictionaryFrom(headers.get("x-trustedtwin")),
  // No body, `{}` and `null` are the same (1.1).
  bodyFrom: (json) => json ?? {},
  refusalOf: refuse,
};

/**
 * Accepts the secret itself or a user token in `Authorization` (1.2), or the token form of the secret in
 * `X-Auth-Token`.
 */
function callerOf(authenticator: Authenticator, headers: Headers): Promise<UserActor> {
  const authorization = headers.get("authorization");
  if (authorization) return authenticator.authenticate(credentialFrom(authorization));
  const token = headers.get("x-auth-token");
  if (token) return authenticator.authenticate({ kind: "token", text: token });
  throw unauthenticated("The request carries no Authorization header.");
}

function refuse(failure: Failure | undefined, { trace, headers }: Refused): Refusal {
  const conditional = headers.has("if-match");
  const { status, subcode } = failure ? accountRefusalOf(failure, conditional) : INTERNAL_ERROR;
  const description = failure ? sentenceOf(failure) : "Internal error.";
  return { status, body: { subcode, description, trace }, logged: { subcode } };
}

/**
 * Describes the failure in one sentence, with the faults and their places. A hostile body can have very many faults;
 * the first few are enough.
 */
function sentenceOf(failure: Failure): string {
  if (failure.code === "version_mismatch") {
    return `The document is at version ${failure.actual}, not ${failure.expected}.`;
  }
  if (failure.code !== "invalid" || !failure.issues?.length) return failure.message;
  const places = failure.issues.slice(0, 5).map(({ path, message }) => (path ? `${path}: ${message}` : message));
  return `${failure.message} ${places.join("; ")}`.slice(0, 1000);
}
