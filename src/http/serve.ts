import type { Context, Hono } from "hono";
import type { Authenticator } from "../access/model/authenticate.ts";
import type { Deps } from "../deps.ts";
import { assert } from "../kernel/assert.ts";
import { clientAddress, throttleKey } from "../kernel/client-address.ts";
import { stopwatchMs } from "../kernel/clock.ts";
import { DomainError, describeError } from "../kernel/failure.ts";
import { type Owner, ownerOfCaller } from "../kernel/fairness/fair-queue.ts";
import type { RequestTurns } from "../kernel/fairness/request-turns.ts";
import { parseJson } from "../kernel/json.ts";
import { writeJson } from "../kernel/json-text.ts";
import { parse } from "../kernel/parse.ts";
import { announcedLength, type Reading, readBody, respondWithoutReadingBody, tooLarge } from "./body.ts";
import { type Operation, Paged, WithHeaders } from "./operation.ts";
import { queryReader } from "./query.ts";
import { responseCounter } from "./request-metrics.ts";
import type { Surface } from "./surface.ts";

/** What the platform reports about a connection. */
export type Peer = {
  Bindings: { peerAddress: () => string; arriving?: ((isArriving: boolean) => void) | undefined };
};

const HEADERS = new Headers({
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
});

const NO_BODY = new Uint8Array();

/** What all operations share. */
export type Services = { deps: Deps; authenticator: Authenticator; turns: RequestTurns };

/** Mounts a handler for each operation of an API. */
export function mount(app: Hono<Peer>, surface: Surface, services: Services, operations: readonly Operation[]): void {
  for (const operation of operations) {
    const handler = handlerFor(surface, services, operation);
    for (const path of [operation.path, ...(operation.alias ? [operation.alias] : [])]) {
      app.on(operation.method.toUpperCase(), routeOf(surface.prefix + path), handler);
    }
  }
}

/** Converts a path such as `/twins/{twin}` to the router's syntax. */
const routeOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, ":$1");

/**
 * Returns the handler of one operation. The handler checks in this order: credentials, the role's statement, size, JSON
 * and path, query, shape; then the operation's own conditions. A body is parsed as JSON regardless of its content type.
 */
function handlerFor(surface: Surface, { deps, authenticator, turns }: Services, operation: Operation) {
  const readQuery = operation.query && queryReader(operation.query);
  const byteCountMax = operation.bodyLimits?.byteCount ?? surface.bodyBytesMax;
  const answered = responseCounter(deps.metrics, surface, operation.id);
  return async (c: Context<Peer>): Promise<Response> => {
    const began = stopwatchMs();
    const request = c.req.raw;
    const { headers } = request;
    const trace = deps.random.uuid();
    const announced = announcedLength(request);
    let isRead = announced === 0;
    let owner: Owner | undefined;
    let reading: Reading | undefined;
    let response: Response;
    try {
      const caller = operation.gate && (await surface.callerOf(authenticator, headers));
      owner = caller ? ownerOfCaller(caller) : unauthenticatedOwner(addressOf(deps, c));
      const turn = turns.enter(owner);
      if (turn) await turn;
      if (caller) operation.gate?.(caller);
      // Also for operations that read no body: a large one is never sent by accident.
      if (announced !== undefined && !(announced <= byteCountMax)) throw tooLarge(byteCountMax);
      let bytes: Uint8Array = NO_BODY;
      if (operation.body && !isRead) {
        const hold = deps.bodies.hold(owner.account);
        const { arriving } = c.env;
        reading = { announced, byteCountMax, hold, clock: deps.clock, arriving, isTooSlow: false };
        bytes = await readBody(request, reading);
        isRead = true;
      }
      response = await deps.bodies.work(bytes.length, owner, async () => {
        let params = surface.pathFirst ? pathOf(surface, c, operation) : undefined;
        const json = bytes.length > 0 ? parseJson(bytes, operation.bodyLimits?.depth) : undefined;
        if (!surface.pathFirst) params = pathOf(surface, c, operation);
        const query = readQuery?.(request.url);
        const body = operation.body && parse(operation.body, surface.bodyFrom(json), "body", "Request body");
        const dictionary = surface.dictionaryOf?.(headers);
        const actor = caller && dictionary ? { ...caller, dictionary } : caller;
        const address = () => addressOf(deps, c);
        const call = { deps, params, query, body, headers, address };
        const result = await operation.serve(actor ? { ...call, actor } : call);
        return success(operation, result, trace, request.url);
      });
    } catch (error) {
      if (!owner) await turns.enter(unauthenticatedOwner(addressOf(deps, c)));
      response = refuse(surface, deps, c, error, trace, operation);
    } finally {
      reading?.hold.release();
    }
    if (!isRead) respondWithoutReadingBody(reading?.isTooSlow ? undefined : announced, response);
    answered(response.status, began);
    return response;
  };
}

function pathOf(surface: Surface, c: Context<Peer>, { params }: Operation): unknown {
  const given = c.req.param();
  surface.checkPath?.(given);
  return params && parse(params, given, "parameter", "Path");
}

/** Responds to an error in the API's format, and logs it under the same trace. */
export function refuse(
  surface: Surface,
  deps: Deps,
  c: Context<Peer>,
  error: unknown,
  trace: string,
  operation?: Operation,
): Response {
  const failure = error instanceof DomainError ? error.failure : undefined;
  const refusal = surface.refusalOf(failure, { trace, headers: c.req.raw.headers, operation });
  const address = addressOf(deps, c);
  const source = throttleKey(address);
  const fields = { trace, operation: operation?.id ?? null, method: c.req.method, address };
  if (failure) {
    const { status, logged } = refusal;
    const entry = { ...fields, status, ...logged, message: failure.message };
    deps.log.caused("info", "http.refused", source, entry);
  } else deps.log.caused("error", "http.failed", source, { ...fields, error: describeError(error) });
  const response = answer(refusal.status, JSON.stringify(refusal.body), trace);
  if (failure?.code === "limited" && failure.retryAfterMs !== undefined) {
    response.headers.set("retry-after", String(Math.ceil(failure.retryAfterMs / 1000)));
  }
  return response;
}

function success({ id, ok }: Operation, result: unknown, trace: string, url: string): Response {
  assert((result === null) === (ok.status === 204), `${id} answers with or without a body, as it says`);
  if (result === null) return answer(204, null, trace);
  if (result instanceof Paged) {
    const response = answer(ok.status, writeJson(result.view), trace);
    if (result.cursor !== null) response.headers.set("link", linkToNext(url, result.cursor));
    return response;
  }
  if (!(result instanceof WithHeaders)) return answer(ok.status, writeJson(result), trace);
  const response = answer(ok.status, writeJson(result.view), trace);
  for (const name in result.headers) response.headers.set(name, result.headers[name] as string);
  return response;
}

/** Returns a link to the same request with another cursor (RFC 8288). A relative reference works behind any proxy. */
function linkToNext(url: string, cursor: string): string {
  const start = url.indexOf("?");
  const query = new URLSearchParams(start < 0 ? "" : url.slice(start));
  query.set("cursor", cursor);
  return `<?${query}>; rel="next"`;
}

function answer(status: number, json: string | null, trace: string): Response {
  const response = new Response(json, { status, headers: HEADERS });
  response.headers.set("x-request-id", trace);
  return response;
}

/**
 * Clients without credentials belong to no account: each address has a budget of its own, so that one cannot exhaust
 * another's.
 */
export const unauthenticatedOwner = (address: string): Owner => ({ account: `at ${throttleKey(address)}`, member: "" });

export function addressOf(deps: Deps, c: Context<Peer>): string {
  return clientAddress(c.env.peerAddress(), c.req.raw.headers, deps.config);
}
