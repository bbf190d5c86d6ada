import type { Authenticator } from "../access/model/authenticate.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { Failure } from "../kernel/failure.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { Operation } from "./operation.ts";

/** What an error is answered with, and what of it the log has. */
export type Refusal = { status: number; body: JsonObject; logged?: JsonObject };

/** What is known of a request that is refused; without an operation if nobody serves its path. */
export type Refused = { trace: string; headers: Headers; operation?: Operation | undefined };

/** The ways of one API: what the doors of all its operations do alike, and no other API does so. */
export type Surface = {
  /** What it is called where the server tells of itself. */
  readonly name: "account" | "hub";
  /** What comes before the path of each operation, as in OpenAPI. */
  readonly prefix: string;
  readonly bodyBytesMax: number;
  /** Who calls. Refuses with `unauthenticated`. */
  readonly callerOf: (authenticator: Authenticator, headers: Headers) => Promise<UserActor>;
  /** Refuses what is wrong with the parameters that all paths of the surface have. */
  readonly checkPath?: (params: Record<string, string>) => void;
  /** Whether what is wrong with the path is told before what is wrong with the JSON of the body. */
  readonly pathFirst: boolean;
  /** The custom dictionary of a request, where the surface has such a thing. */
  readonly dictionaryOf?: (headers: Headers) => JsonObject | null;
  /** What a body means before its schema is asked; nothing is `undefined`. */
  readonly bodyFrom: (json: JsonValue | undefined) => unknown;
  /** The surface's one table of errors. Without a failure it is our bug. */
  readonly refusalOf: (failure: Failure | undefined, refused: Refused) => Refusal;
};
