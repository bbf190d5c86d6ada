import { roomFor } from "../../kernel/share.ts";

/** Messages in flight to one endpoint; to one that has failed, a single one until an attempt succeeds. */
const IN_FLIGHT_OF_ENDPOINT_MAX = 32;
/**
 * Messages in flight over all endpoints (each is a connection of its own), per account, and the number that an account
 * mostly needs, for which the last places are kept.
 */
export const IN_FLIGHT_MAX = 512;
const PLACES = { all: IN_FLIGHT_MAX, most: 128, few: 8 };

/** How many more messages of an account may be sent, given those in flight and all free places. */
export const placesOf = (inFlight: number, free: number): number => roomFor(inFlight, free, PLACES);

/** Returns how many more messages may be sent to an endpoint, given those in flight to it. */
export const placesOfEndpoint = (inFlight: number, failing: boolean): number =>
  Math.max(0, (failing ? 1 : IN_FLIGHT_OF_ENDPOINT_MAX) - inFlight);

/** The places as they are given out one by one. */
export class DeliveryPlaces {
  readonly #inFlight: Map<string, number>;
  #free: number;

  constructor(free: number, inFlight: Readonly<Record<string, number>>) {
    this.#inFlight = new Map(Object.entries(inFlight));
    this.#free = free;
  }

  /** Accounts with messages in flight that get no more places at the moment. */
  get full(): string[] {
    return [...this.#inFlight.keys()].filter((account) => this.of(account) === 0);
  }

  of(account: string): number {
    return placesOf(this.#inFlight.get(account) ?? 0, this.#free);
  }

  take(account: string, count: number): void {
    this.#inFlight.set(account, (this.#inFlight.get(account) ?? 0) + count);
    this.#free -= count;
  }
}
