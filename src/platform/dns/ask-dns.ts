import { promises as dns } from "node:dns";

/** Why a name has no address: DNS says that there is none, does not respond in time, or reports a failure. */
export type NameErrorKind = "none" | "timeout" | "failed";

export class NameError extends Error {
  override name = "NameError";
  readonly kind: NameErrorKind;

  constructor(kind: NameErrorKind, options?: ErrorOptions) {
    super({ none: "the name has no address", timeout: "no address in time", failed: "DNS failed" }[kind], options);
    this.kind = kind;
  }
}

export type Found = { readonly addresses: readonly string[]; readonly ttlMs: number };

/** The timeout of the first attempt, and the number of attempts; the second timeout is twice as long. */
const RETRIES = { timeout: 2_000, tries: 2 };
/**
 * Once one family has addresses, the other is awaited no longer than this: some servers never respond for a family
 * without addresses [RFC 8305, 3].
 */
const OTHER_FAMILY_MS = 250;

/**
 * Asks DNS servers (the system's, if none are given) for the addresses of the first of these names that has any. None
 * of it runs on the thread pool, where the system's own lookup would occupy a thread until the slowest server has
 * responded, and `signal` ends it at once.
 *
 * Each call has its own resolver: a resolver can only cancel all its queries together, and creating one takes 0.2 ms.
 */
export async function askDns(
  names: readonly string[],
  servers: readonly string[],
  signal: AbortSignal,
): Promise<Found> {
  let last = new NameError("none");
  for (const name of names) {
    try {
      return await askForOne(name, servers, signal);
    } catch (error) {
      if (!(error instanceof NameError) || error.kind === "timeout") throw error;
      if (last.kind === "none") last = error;
    }
  }
  throw last;
}

async function askForOne(name: string, servers: readonly string[], signal: AbortSignal): Promise<Found> {
  if (signal.aborted) throw new NameError("timeout");
  const resolver = new dns.Resolver(RETRIES);
  if (servers.length > 0) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel);
  let enough: ReturnType<typeof setTimeout> | undefined;
  const soonEnough = <Record>(records: Record[]) => {
    if (records.length > 0) enough ??= setTimeout(cancel, OTHER_FAMILY_MS);
    return records;
  };
  try {
    const families = await Promise.allSettled([
      resolver.resolve4(name, { ttl: true }).then(soonEnough),
      resolver.resolve6(name, { ttl: true }).then(soonEnough),
    ]);
    const [four, six] = families.map((family) => (family.status === "fulfilled" ? family.value : []));
    const records = alternately(four ?? [], six ?? []);
    if (records.length === 0) throw worstOf(families);
    const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1000;
    return { addresses: records.map(({ address }) => address), ttlMs };
  } finally {
    clearTimeout(enough);
    signal.removeEventListener("abort", cancel);
  }
}

/** Alternates the families, IPv4 first since it rarely fails, so that a caller who tries a few addresses tries both. */
const alternately = <Record>(four: readonly Record[], six: readonly Record[]): Record[] =>
  Array.from({ length: Math.max(four.length, six.length) }, (_, index) => [four[index], six[index]])
    .flat()
    .filter((record) => record !== undefined);

const NONE_CODES = /^(ENOTFOUND|ENODATA)$/;
const TIMEOUT_CODES = /^(ETIMEOUT|ECANCELLED)$/;

/** Combines the errors of both families: a name has no address only if both families say so. */
function worstOf(families: readonly PromiseSettledResult<unknown>[]): NameError {
  const errors = families.flatMap((family) => (family.status === "rejected" ? [family.reason] : []));
  const kinds = errors.map((error): NameErrorKind => {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return TIMEOUT_CODES.test(code) ? "timeout" : NONE_CODES.test(code) ? "none" : "failed";
  });
  const kind = (["timeout", "failed"] as const).find((one) => kinds.includes(one)) ?? "none";
  return new NameError(kind, { cause: errors[0] });
}
