import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { systemClock } from "../kernel/clock.ts";
import { NameError } from "./dns/ask-dns.ts";
import { Names, type NamesOptions } from "./dns/names.ts";

/** The injected outside network: name lookups and sending webhooks. Nothing else opens connections. */
export type Net = {
  /**
   * Every address of a host name. An account has a limited number of concurrent lookups. Rejects with a `PostError` by
   * `timeout` if DNS does not respond in time or the signal is aborted, which ends the lookup; with another error if
   * the lookup fails.
   */
  resolve(hostName: string, account: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Sends a POST on a connection of its own to exactly this address, regardless of what the URL's host resolves to;
   * certificates are checked against the URL's host. Follows no redirect, and reads at most as much of the response as
   * requested. Rejects with a `PostError`.
   */
  post(request: PostRequest, signal: AbortSignal): Promise<PostAnswer>;
};

type PostRequest = {
  readonly url: URL;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly answerBytesMax: number;
};

type PostAnswer = { status: number; retryAfter: string | null; body: Uint8Array };

/** `connect`: nothing was sent. `closed`: the connection ended before the response did. */
type PostErrorKind = "connect" | "tls" | "closed" | "timeout";

export class PostError extends Error {
  override name = "PostError";
  readonly kind: PostErrorKind;

  constructor(kind: PostErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** `ca` replaces the system's certificate authorities. */
type NetOptions = Partial<NamesOptions> & { ca?: string };

export function systemNet({ ca, ...options }: NetOptions = {}): Net {
  const names = new Names({ now: systemClock.now, ...options });
  return {
    async resolve(hostName, account, signal) {
      try {
        return await names.resolve(hostName, account, signal);
      } catch (error) {
        const late = error instanceof NameError && error.kind === "timeout";
        throw late ? new PostError("timeout", "no address in time", { cause: error }) : error;
      }
    },
    async post(request, signal) {
      try {
        return await post(request, ca, signal);
      } catch (error) {
        if (error instanceof PostError && error.kind === "connect") names.forget(request.url.hostname);
        throw error;
      }
    },
  };
}

/**
 * Maximum number of interim responses (1xx) that are skipped; each takes work, and a server could send them for ever.
 */
const INTERIM_ANSWERS_MAX = 8;

const post = (request: PostRequest, ca: string | undefined, signal: AbortSignal): Promise<PostAnswer> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new PostError("timeout", "timed out before the connection was opened"));
    const sending = open(request, ca);
    let head: IncomingMessage | undefined;
    const end = (settle: () => void) => {
      signal.removeEventListener("abort", onAbort);
      settle();
      sending.destroy();
    };
    const fail = (error: unknown) => end(() => reject(toPostError(error)));
    const onAbort = () => {
      // A status that has arrived is a response, however slow its body is.
      if (head) end(() => resolve(answerOf(head as IncomingMessage, parts)));
      else fail(new PostError("timeout", "no response in time"));
    };
    const parts: Uint8Array[] = [];
    signal.addEventListener("abort", onAbort);
    sending.on("error", (error) => (head ? undefined : fail(error)));
    sending.on("close", () => head ?? fail(new PostError("closed", "the connection ended without a response")));
    sending.on("response", (response) => {
      head = response;
      const done = () => end(() => resolve(answerOf(response, parts)));
      let room = request.answerBytesMax;
      response.on("data", (part: Uint8Array) => {
        parts.push(part.subarray(0, room));
        room -= part.length;
        if (room <= 0) done();
      });
      for (const event of ["end", "error", "close", "aborted"]) response.on(event, done);
    });
    let interim = 0;
    const onInterim = () => {
      if (++interim > INTERIM_ANSWERS_MAX) fail(new PostError("closed", "too many interim responses"));
    };
    for (const event of ["continue", "information"]) sending.on(event, onInterim);
    sending.end(request.body);
  });

/**
 * Opens a connection for each request: a kept one would be reused without `lookup`, and so without the checked address.
 * `lookup` is not called for a host that is already an address; then it is the address.
 */
function open({ url, address, headers, body }: PostRequest, ca: string | undefined): ClientRequest {
  const host = url.hostname.replace(/^\[(.+)\]$/, "$1");
  const family = isIP(address);
  const options = {
    method: "POST",
    host,
    port: url.port || (url.protocol === "https:" ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, host: url.host, "content-length": String(body.length) },
    agent: false as const,
    lookup: pinned(address, family),
    ...(ca && { ca }),
  };
  return url.protocol === "https:" ? requestHttps(options) : requestHttp(options);
}

const pinned =
  (address: string, family: number): LookupFunction =>
  (_host, options, found) =>
    options.all ? found(null, [{ address, family }]) : found(null, address, family);

const answerOf = (response: IncomingMessage, parts: Uint8Array[]): PostAnswer => ({
  status: response.statusCode ?? 0,
  retryAfter: response.headers["retry-after"] ?? null,
  body: Buffer.concat(parts),
});

const CONNECT_CODES =
  /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT|EACCES|EPERM|ConnectionRefused|FailedToOpenSocket)$/;
const TLS_CODES = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|ALTNAME/i;

function toPostError(error: unknown): PostError {
  if (error instanceof PostError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const kind = CONNECT_CODES.test(code) ? "connect" : TLS_CODES.test(code) ? "tls" : "closed";
  return new PostError(kind, error instanceof Error ? error.message : String(error), { cause: error });
}
