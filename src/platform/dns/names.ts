import type { Counter } from "../../metrics/counter.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import { askDns, type Found, NameError, type NameErrorKind } from "./ask-dns.ts";
import { type Done, LookupQueue } from "./lookup-queue.ts";
import { MachineNames, type NameFiles, SYSTEM_NAME_FILES } from "./machine-names.ts";

/** Results are cached for the time that DNS gives, within these bounds. */
const KEPT_MIN_MS = 5_000;
const KEPT_MAX_MS = 300_000;
/** Negative results are cached for less than the delay of a message's first retry. */
const NOTHING_KEPT_MS = 4_000;
/** Cached names; the oldest is evicted. */
const KEPT_NAMES_MAX = 4096;

export type NamesOptions = {
  now: () => number;
  /** Addresses of DNS servers, with or without a port; the system's if there are none. */
  servers?: readonly string[] | undefined;
  files?: NameFiles | undefined;
  metrics?: Metrics | undefined;
};

type Kept = { readonly until: number; readonly found: Found | NameError };
type Lookup = { readonly found: Promise<Found>; readonly cancel: AbortController; askers: number };

/**
 * Looks up host names for accounts: a few at a time per account, one lookup for concurrent callers with the same name,
 * with cached results.
 */
export class Names {
  readonly #now: () => number;
  readonly #servers: readonly string[];
  readonly #machine: MachineNames;
  readonly #turns: LookupQueue;
  readonly #kept = new Map<string, Kept>();
  readonly #running = new Map<string, Lookup>();
  readonly #count: (outcome: "found" | NameErrorKind) => void;

  constructor({ now, servers = [], files = SYSTEM_NAME_FILES, metrics }: NamesOptions) {
    this.#now = now;
    this.#servers = servers;
    this.#machine = new MachineNames(files);
    this.#turns = new LookupQueue(now);
    this.#count = countIn(metrics, this.#turns);
  }

  /** Every address of a name. Rejects with a `NameError`; aborting the signal counts as a `timeout`. */
  async resolve(hostName: string, account: string, signal: AbortSignal): Promise<readonly string[]> {
    const name = hostName.toLowerCase();
    const { addresses } =
      this.#known(name) ?? (await this.#join(name, signal)) ?? (await this.#ask(name, account, signal));
    return addresses;
  }

  /** Drops a name from the cache, because nothing listened at its addresses. */
  forget(hostName: string): void {
    this.#kept.delete(hostName.toLowerCase());
  }

  #known(name: string): Found | undefined {
    const local = this.#machine.addressesOf(name);
    if (local) return { addresses: local, ttlMs: 0 };
    const kept = this.#kept.get(name);
    if (!kept || kept.until <= this.#now()) return undefined;
    if (kept.found instanceof NameError) throw kept.found;
    return kept.found;
  }

  async #ask(name: string, account: string, signal: AbortSignal): Promise<Found> {
    const done = await this.#turns.take(account, signal).catch((error) => {
      throw new NameError("timeout", { cause: error });
    });
    // Another caller may have looked it up meanwhile.
    let known: Found | undefined;
    try {
      known = this.#known(name);
    } catch (error) {
      done(false);
      throw error;
    }
    if (known || this.#running.has(name)) done(false);
    else this.#begin(name, done);
    return known ?? ((await this.#join(name, signal)) as Found);
  }

  #begin(name: string, done: Done): void {
    const cancel = new AbortController();
    const found = askDns(this.#machine.candidatesOf(name), this.#servers, cancel.signal);
    const lookup = { found, cancel, askers: 0 };
    this.#running.set(name, lookup);
    found.then(
      (one) => this.#end(name, lookup, one, done),
      (error) =>
        this.#end(name, lookup, error instanceof NameError ? error : new NameError("failed", { cause: error }), done),
    );
  }

  #end(name: string, lookup: Lookup, found: Found | NameError, done: Done): void {
    if (this.#running.get(name) === lookup) this.#running.delete(name);
    const failed = found instanceof NameError;
    const keptMs = failed ? NOTHING_KEPT_MS : Math.min(Math.max(found.ttlMs, KEPT_MIN_MS), KEPT_MAX_MS);
    if (!lookup.cancel.signal.aborted) this.#keep(name, { until: this.#now() + keptMs, found });
    this.#count(failed ? found.kind : "found");
    done(failed && found.kind === "timeout");
  }

  #keep(name: string, kept: Kept): void {
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_NAMES_MAX && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Waits for a running lookup of the name. When the last waiting caller gives up, the lookup is cancelled. */
  async #join(name: string, signal: AbortSignal): Promise<Found | undefined> {
    const lookup = this.#running.get(name);
    if (!lookup) return undefined;
    const { promise: over, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(new NameError("timeout"));
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    lookup.askers++;
    try {
      return await Promise.race([lookup.found, over]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (--lookup.askers === 0) {
        if (this.#running.get(name) === lookup) this.#running.delete(name);
        lookup.cancel.abort();
      }
    }
  }
}

function countIn(metrics: Metrics | undefined, turns: LookupQueue): (outcome: "found" | NameErrorKind) => void {
  if (!metrics) return () => {};
  const about = {
    name: "twinpost_lookups_total",
    help: "Lookups of webhooks' host names, by outcome.",
  };
  const counter = (outcome: string) => metrics.counter(about, { outcome });
  const counters: Record<"found" | NameErrorKind, Counter> = {
    found: counter("found"),
    none: counter("none"),
    failed: counter("failed"),
    timeout: counter("timeout"),
  };
  const help = "Lookups of webhooks' host names that are running or waiting.";
  metrics.read("gauge", { name: "twinpost_lookups", help }, () => [
    { labels: { state: "running" }, value: turns.running },
    { labels: { state: "waiting" }, value: turns.waiting },
  ]);
  return (outcome) => counters[outcome].add();
}
