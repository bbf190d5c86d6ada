import type { Context, Hono } from "hono";
import type { Authenticator } from "../access/authenticate.ts";
import type { Deps } from "../deps.ts";
import { assert } from "../kernel/assert.ts";
import { clientAddress } from "../kernel/client-address.ts";
import { stopwatchMs } from "../kernel/clock.ts";
import { DomainError, describeError } from "../kernel/failure.ts";
import { parseJson } from "../kernel/json.ts";
import { writeJson } from "../kernel/json-text.ts";
import { parse } from "../kernel/parse.ts";
import { announcedLength, readBody, tooLarge } from "./body.ts";
import { Headed, type Operation, Paged } from "./operation.ts";
import { queryReader } from "./query.ts";
import { answeredBy } from "./request-metrics.ts";
import type { Surface } from "./surface.ts";

/** What the platform tells of a connection. */
export type Peer = { Bindings: { peerAddress: () => string } };

const HEADERS = new Headers({
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
});

const NO_BODY = new Uint8Array();

/** What all doors share. */
export type Doors = { deps: Deps; authenticator: Authenticator };

/** Opens a door for each operation of a surface. */
export function mount(app: Hono<Peer>, surface: Surface, doors: Doors, operations: readonly Operation[]): void {
  for (const operation of operations) {
    const door = doorOf(surface, doors, operation);
    for (const path of [operation.path, ...(operation.alias ? [operation.alias] : [])]) {
      app.on(operation.method.toUpperCase(), routeOf(surface.prefix + path), door);
    }
  }
}

/** `/twins/{twin}` as the router spells it. */
export const routeOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, ":$1");

/**
 * A door for one operation. Checks in this order: who, statement, size, JSON and path, query, shape; then the operation's own.
 * Whatever content type it claims, a body is JSON.
 */
export function doorOf(surface: Surface, { deps, authenticator }: Doors, operation: Operation) {
  const readQuery = operation.query && queryReader(operation.query);
  const byteCountMax = operation.bodyLimits?.byteCount ?? surface.bodyBytesMax;
  const answered = answeredBy(deps.metrics, surface, operation.id);
  return async (c: Context<Peer>): Promise<Response> => {
    const began = stopwatchMs();
    const request = c.req.raw;
    const { headers } = request;
    const trace = deps.random.uuid();
    let release: (() => void) | undefined;
    let response: Response;
    try {
      const caller = operation.gate && (await surface.callerOf(authenticator, headers));
      if (caller) operation.gate?.(caller);
      release = reserveBody(deps, request, byteCountMax, caller?.accountId ?? "");
      const bytes = operation.body ? await readBody(request, byteCountMax) : NO_BODY;
      response = await deps.bodies.work(bytes.length, async () => {
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
      response = refuse(surface, deps, c, error, trace, operation);
    } finally {
      release?.();
    }
    answered(response.status, began);
    return response;
  };
}

function pathOf(surface: Surface, c: Context<Peer>, { params }: Operation): unknown {
  const given = c.req.param();
  surface.checkPath?.(given);
  return params && parse(params, given, "parameter", "Path");
}

/** Answers an error in the words of the surface, and logs it under the same trace. */
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
  const fields = { trace, operation: operation?.id ?? null, method: c.req.method, address: addressOf(deps, c) };
  if (failure) {
    const { status, logged } = refusal;
    deps.log.info("http.refused", { ...fields, status, ...logged, message: failure.message });
  } else deps.log.error("http.failed", { ...fields, error: describeError(error) });
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
  if (!(result instanceof Headed)) return answer(ok.status, writeJson(result), trace);
  const response = answer(ok.status, writeJson(result.view), trace);
  for (const name in result.headers) response.headers.set(name, result.headers[name] as string);
  return response;
}

/** The same question with another cursor (RFC 8288). A reference that is relative leads to where the client asked, whatever a proxy made of it. */
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

/** Also for operations that read no body: nobody sends a large one by accident. */
function reserveBody({ bodies }: Deps, request: Request, byteCountMax: number, accountId: string) {
  const announced = announcedLength(request);
  if (announced === 0) return undefined;
  if (announced !== undefined && !(announced <= byteCountMax)) throw tooLarge(byteCountMax);
  return bodies.reserve(announced ?? byteCountMax, accountId);
}

function addressOf(deps: Deps, c: Context<Peer>): string {
  return clientAddress(c.env.peerAddress(), c.req.raw.headers.get("x-forwarded-for"), deps.config.trustedProxies);
}
