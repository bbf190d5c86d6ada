import type { Authenticator } from "../../access/model/authenticate.ts";
import type { Config } from "../../config.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { DomainError, invalid } from "../../kernel/failure.ts";
import { isJsonObject, type JsonValue } from "../../kernel/json.ts";
import type { Surface } from "../surface.ts";
import { hubRefusalOf } from "./errors.ts";

/** The prefix of every path of the hub API, including unknown paths. */
export const HUB_PATHS = "/iot/";

/** A message filter may be as long as a topic, and a body has two rules of them. */
const BODY_BYTES_MAX = 256 * 1024;

/** The conventions of the hub API (specification 1.1 to 1.6). */
export const HUB_API: Surface = {
  name: "hub",
  prefix: "/iot/v1/regions/{region}",
  bodyBytesMax: BODY_BYTES_MAX,
  pathFirst: true, // 2.3, rule 10
  callerOf,
  bodyFrom,
  refusalOf: (failure, { operation }) => hubRefusalOf(failure, operation),
};

/** The conventions of the hub API, restricted to this server's region. */
export const hubApi = ({ region }: Config): Surface => ({
  ...HUB_API,
  checkPath: (params) => {
    if (params["region"] === region) return;
    const issue = { path: "region", message: `must be ${region}`, reason: "constraint" as const };
    throw invalid("parameter", "The region is not this server's.", [issue]);
  },
});

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Accepts the token form of a user secret (1.2), and nothing else. */
async function callerOf(authenticator: Authenticator, headers: Headers): Promise<UserActor> {
  const token = headers.get("x-auth-token")?.trim() ?? "";
  if (!UUID.test(token)) {
    throw new DomainError({
      code: "unauthenticated",
      message: "X-Auth-Token is missing or not a UUID.",
      malformed: true,
    });
  }
  return authenticator.authenticate({ kind: "token", text: token.toLowerCase() });
}

/** No body counts as an empty one (1.2), and a null member as absent (1.4). */
function bodyFrom(json: JsonValue | undefined): unknown {
  if (json === undefined) return {};
  if (!isJsonObject(json) || !Object.values(json).includes(null)) return json;
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}
