import { IN_FLIGHT_MAX, placesOf } from "../notifications/deliveries/delivery-places.ts";
import type { LeasedDelivery, LeaseResult } from "../notifications/deliveries/lease-deliveries.ts";

/**
 * A deliverer's attempts in flight with their leases, and, for accounts that have used their share, the queued
 * subscriptions. It only caches what the database knows: a lost queue is rebuilt.
 */
export class InFlightDeliveries {
  readonly #sending = new Set<Promise<void>>();
  readonly #ofShare = new Map<string, number>();
  readonly #ofLease = new Map<string, number>();
  readonly #lines = new Map<string, Set<string>>();

  get size(): number {
    return this.#sending.size;
  }

  /** The number of queued subscriptions. */
  get linedUp(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.size, 0);
  }

  get room(): number {
    return IN_FLIGHT_MAX - this.#sending.size;
  }

  /** Whether a queued subscription could be served now. */
  get canServeLine(): boolean {
    return [...this.#lines.keys()].some((share) => this.#placesOf(share) > 0);
  }

  /** What the next leasing needs to know. */
  standing(): { held: string[]; room: number; inFlight: Record<string, number>; lines: Record<string, string[]> } {
    const turns = [...this.#lines].map(([share, line]) => [share, [...line.values().take(this.#placesOf(share))]]);
    return {
      held: [...this.#ofLease.keys()],
      room: this.room,
      inFlight: Object.fromEntries(this.#ofShare),
      lines: Object.fromEntries(turns),
    };
  }

  /** Stores the queues after leasing. */
  line({ linedUp, served }: Pick<LeaseResult, "linedUp" | "served">): void {
    for (const [share, line] of this.#lines) {
      for (const id of served) line.delete(id);
      if (line.size === 0) this.#lines.delete(share);
    }
    for (const { share, id } of linedUp) {
      const line = this.#lines.get(share) ?? new Set();
      this.#lines.set(share, line.add(id));
    }
  }

  /** Counts a delivery while it is being sent. */
  add({ share, delivery: { lease } }: LeasedDelivery, sent: Promise<void>): Promise<void> {
    count(this.#ofShare, share, 1);
    count(this.#ofLease, lease as string, 1);
    const sending = sent.finally(() => {
      count(this.#ofShare, share, -1);
      count(this.#ofLease, lease as string, -1);
      this.#sending.delete(sending);
    });
    this.#sending.add(sending);
    return sending;
  }

  /** Resolves when everything in flight now has finished. */
  async over(): Promise<void> {
    await Promise.all(this.#sending);
  }

  #placesOf(share: string): number {
    return placesOf(this.#ofShare.get(share) ?? 0, this.room);
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}
