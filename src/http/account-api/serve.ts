import type { Context } from "hono";
import { type Authenticator, credentialFrom, unauthenticated } from "../../access/authenticate.ts";
import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { DomainError, describeError, type Failure } from "../../kernel/failure.ts";
import { parseJson } from "../../kernel/json.ts";
import { writeJson } from "../../kernel/json-text.ts";
import { announcedLength, type BodyBudget, readBody, tooLarge } from "../body.ts";
import { clientAddress } from "../client-address.ts";
import { dictionaryFrom } from "../dictionary.ts";
import type { Operation } from "../operation.ts";
import { parse } from "../parse.ts";
import { queryReader } from "../query.ts";
import { INTERNAL_ERROR, refusalOf } from "./errors.ts";

/** What the platform tells of a connection. */
export type Peer = { Bindings: { peerAddress: () => string } };

/** Specification 1.4. Documents will have a larger limit of their own. */
const BODY_BYTES_MAX = 65_536;

const HEADERS = new Headers({
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
});

/** What all doors share. */
export type Doors = { deps: Deps; budget: BodyBudget; authenticator: Authenticator };

/** A door for one operation. Checks in the order of specification 1.2: who, statement, size and JSON, shape; then the operation's own. */
export function doorOf({ deps, budget, authenticator }: Doors, operation: Operation) {
  const readQuery = operation.query && queryReader(operation.query);
  return async (c: Context<Peer>): Promise<Response> => {
    const request = c.req.raw;
    const trace = deps.random.uuid();
    let release: (() => void) | undefined;
    try {
      let actor = operation.gate && (await callerOf(authenticator, request.headers));
      if (actor) operation.gate?.(actor);
      release = reserveBody(budget, request, actor?.accountId ?? "");
      const body = operation.body && parse(operation.body, await bodyOf(budget, request), "body", "Request body");
      const params = operation.params && parse(operation.params, c.req.param(), "parameter", "Path");
      const query = readQuery?.(request.url);
      const dictionary = dictionaryFrom(request.headers.get("x-trustedtwin"));
      if (actor && dictionary) actor = { ...actor, dictionary };
      const address = () => addressOf(deps, c);
      const call = { deps, params, query, body, address };
      const result = await operation.serve(actor ? { ...call, actor } : call);
      return answer(operation.ok.status, result, trace);
    } catch (error) {
      return refuse(deps, c, error, trace, operation.id);
    } finally {
      release?.();
    }
  };
}

/** Answers an error in the words of this surface, and logs it under the same trace. */
export function refuse(deps: Deps, c: Context<Peer>, error: unknown, trace: string, operation?: string): Response {
  const fields = { trace, operation: operation ?? null, method: c.req.method, address: addressOf(deps, c) };
  if (!(error instanceof DomainError)) {
    deps.log.error("http.failed", { ...fields, error: describeError(error) });
    return answer(
      INTERNAL_ERROR.status,
      { subcode: INTERNAL_ERROR.subcode, description: "Internal error.", trace },
      trace,
    );
  }
  const { failure } = error;
  const { status, subcode } = refusalOf(failure);
  deps.log.info("http.refused", { ...fields, status, subcode, message: failure.message });
  const response = answer(status, { subcode, description: sentenceOf(failure), trace }, trace);
  if (failure.code === "limited" && failure.retryAfterMs !== undefined) {
    response.headers.set("retry-after", String(Math.ceil(failure.retryAfterMs / 1000)));
  }
  return response;
}

function answer(status: number, body: unknown, trace: string): Response {
  const response = new Response(writeJson(body), { status, headers: HEADERS });
  response.headers.set("x-request-id", trace);
  return response;
}

/** The bare secret or a user token in `Authorization` (1.2); or the secret's other spelling in `X-Auth-Token`. */
function callerOf(authenticator: Authenticator, headers: Headers): Promise<UserActor> {
  const authorization = headers.get("authorization");
  if (authorization) return authenticator.authenticate(credentialFrom(authorization));
  const token = headers.get("x-auth-token");
  if (token) return authenticator.authenticate({ kind: "token", text: token });
  throw unauthenticated("The request carries no Authorization header.");
}

/** Also for operations that read no body: nobody sends a large one by accident. */
function reserveBody(budget: BodyBudget, request: Request, accountId: string): (() => void) | undefined {
  const announced = announcedLength(request);
  if (announced === 0) return undefined;
  if (announced !== undefined && !(announced <= BODY_BYTES_MAX)) throw tooLarge(BODY_BYTES_MAX);
  return budget.reserve(announced ?? BODY_BYTES_MAX, accountId);
}

/** No body, `{}` and `null` are the same (1.1). Whatever content type it claims, a body is JSON. */
async function bodyOf(budget: BodyBudget, request: Request): Promise<unknown> {
  const bytes = await readBody(request, BODY_BYTES_MAX);
  await budget.turn(bytes.length);
  return bytes.length > 0 ? (parseJson(bytes) ?? {}) : {};
}

/** The failure in a sentence, with what is wrong where. A hostile body can be wrong in very many places; some will do. */
function sentenceOf(failure: Failure): string {
  if (failure.code !== "invalid" || !failure.issues?.length) return failure.message;
  const places = failure.issues.slice(0, 5).map(({ path, message }) => (path ? `${path}: ${message}` : message));
  return `${failure.message} ${places.join("; ")}`.slice(0, 1000);
}

function addressOf(deps: Deps, c: Context<Peer>): string {
  return clientAddress(c.env.peerAddress(), c.req.raw.headers.get("x-forwarded-for"), deps.config.trustedProxies);
}
