import type { Deps } from "../../deps.ts";
import { PostError } from "../../platform/net.ts";
import { isReachable } from "../model/addresses.ts";
import { literalOf } from "../model/callback-url.ts";
import { bodyOf } from "../model/message.ts";
import { ATTEMPT_MS, type AttemptError, errorOf, readRetryAfter } from "../model/schedule.ts";
import { signatureOf } from "../model/secrets.ts";
import type { LeasedDelivery } from "./lease-deliveries.ts";
import type { AttemptOutcome } from "./settle-delivery.ts";

/** Maximum number of bytes of a response that are read; the beginning of the response is stored. */
const ANSWER_BYTES_MAX = 16_384;
const ANSWER_BYTES_KEPT = 1024;
/** Addresses tried of a host that has many; the next one is tried only while nothing has been sent. */
const ADDRESSES_MAX = 4;

/**
 * Attempts a delivery once; returns the answer, or why there is none. Aborting `stopped` ends the attempt as
 * `interrupted`, which does not count against the receiver.
 */
export async function attemptDelivery(
  deps: Deps,
  leased: LeasedDelivery,
  stopped: AbortSignal,
): Promise<AttemptOutcome> {
  const { clock } = deps;
  const startedAt = clock.now();
  const late = new AbortController();
  const cancel = clock.at(startedAt + ATTEMPT_MS, () => late.abort());
  const signal = AbortSignal.any([late.signal, stopped]);
  const done = (outcome: Omit<AttemptOutcome, "startedAt" | "durationMs">): AttemptOutcome => ({
    ...outcome,
    startedAt,
    durationMs: Math.max(0, clock.now() - startedAt),
  });
  try {
    const { status, retryAfter, body } = await post(deps, leased, startedAt, signal);
    const retryAfterMs = readRetryAfter(retryAfter, clock.now());
    return done({ status, error: errorOf(status), retryAfterMs, answer: beginningOf(body) });
  } catch (error) {
    const kind = stopped.aborted
      ? "interrupted"
      : error instanceof Unreachable || error instanceof PostError
        ? error.kind
        : null;
    if (kind === null) throw error;
    return done({ status: null, error: kind, retryAfterMs: null, answer: "" });
  } finally {
    cancel();
  }
}

/** The host has no address, or none that webhooks may be sent to. */
class Unreachable extends Error {
  override name = "Unreachable";
  readonly kind: Extract<AttemptError, "dns" | "address">;

  constructor(kind: "dns" | "address", options?: ErrorOptions) {
    super(kind, options);
    this.kind = kind;
  }
}

/**
 * Resolves the host, checks the addresses, and connects to exactly those: on every attempt, so that a name cannot
 * change between check and connection.
 */
async function post(
  deps: Deps,
  { delivery, callbackUrl, signingSecret }: LeasedDelivery,
  startedAt: number,
  signal: AbortSignal,
) {
  const { vault } = deps.store;
  const url = new URL(callbackUrl);
  const addresses = await addressesOf(deps, url, delivery.accountId, signal);
  const body = Buffer.from(bodyOf(vault, delivery));
  const timestamp = Math.floor(startedAt / 1000);
  const headers = {
    "content-type": "application/json",
    "user-agent": "Twinpost",
    "webhook-id": delivery.id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatureOf(vault, delivery.subscriptionId, signingSecret, delivery.id, timestamp, body),
  };
  for (const [index, address] of addresses.entries()) {
    try {
      return await deps.net.post({ url, address, headers, body, answerBytesMax: ANSWER_BYTES_MAX }, signal);
    } catch (error) {
      const unsent = error instanceof PostError && error.kind === "connect";
      if (!unsent || index === addresses.length - 1) throw error;
    }
  }
  throw new Unreachable("dns");
}

async function addressesOf(
  { net, config }: Deps,
  url: URL,
  account: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const literal = literalOf(url);
  const found = literal === undefined ? await resolve(net, url.hostname, account, signal) : [literal];
  if (found.length === 0) throw new Unreachable("dns");
  const reachable = found.filter((address) => isReachable(address, config.webhookAllow));
  if (reachable.length === 0) throw new Unreachable("address");
  return reachable.slice(0, ADDRESSES_MAX);
}

async function resolve(
  net: Deps["net"],
  hostName: string,
  account: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new PostError("timeout", "no address in time"));
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([net.resolve(hostName, account, signal), promise]);
  } catch (error) {
    throw error instanceof PostError ? error : new Unreachable("dns", { cause: error });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** As text that the database can store. */
const beginningOf = (body: Uint8Array) =>
  Buffer.from(body.subarray(0, ANSWER_BYTES_KEPT)).toString("utf8").toWellFormed().replaceAll("\0", "\u{fffd}");
