import type { Authenticator } from "../access/model/authenticate.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { Failure } from "../kernel/failure.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { Operation } from "./operation.ts";

/** The response to an error, and what the log records of it. */
export type Refusal = { status: number; body: JsonObject; logged?: JsonObject };

/** What is known of a refused request; without an operation if its path has none. */
export type Refused = { trace: string; headers: Headers; operation?: Operation | undefined };

/** The conventions of one API: what all its operations do alike, and other APIs do differently. */
export type Surface = {
  /** Its name in logs and metrics. */
  readonly name: "account" | "hub";
  /** The prefix of every operation's path, in OpenAPI's form. */
  readonly prefix: string;
  readonly bodyBytesMax: number;
  /** Authenticates the caller. Refuses with `unauthenticated`. */
  readonly callerOf: (authenticator: Authenticator, headers: Headers) => Promise<UserActor>;
  /** Refuses faults in the parameters that all paths of the API have. */
  readonly checkPath?: (params: Record<string, string>) => void;
  /** Whether faults in the path are reported before faults in the body's JSON. */
  readonly pathFirst: boolean;
  /** The custom dictionary of a request, if the API has one. */
  readonly dictionaryOf?: (headers: Headers) => JsonObject | null;
  /** Normalizes a body before its schema checks it; `undefined` is an absent body. */
  readonly bodyFrom: (json: JsonValue | undefined) => unknown;
  /** The API's one error table. No failure means an internal error. */
  readonly refusalOf: (failure: Failure | undefined, refused: Refused) => Refusal;
};
