import { roomFor } from "../../kernel/share.ts";

/** Messages on their way to one endpoint at a time; to one that has failed, a single one until it takes it. */
const IN_FLIGHT_OF_ENDPOINT_MAX = 32;
/** Over all endpoints: each is a connection of its own. Of one account; and so few have all that an account mostly needs. */
export const IN_FLIGHT_MAX = 512;
const PLACES = { all: IN_FLIGHT_MAX, most: 128, few: 8 };

/** How many messages of an account may be sent on top of those on their way, with so many places free in all. */
export const placesOf = (inFlight: number, free: number): number => roomFor(inFlight, free, PLACES);

/** And how many to an endpoint. */
export const placesOfEndpoint = (inFlight: number, failing: boolean): number =>
  Math.max(0, (failing ? 1 : IN_FLIGHT_OF_ENDPOINT_MAX) - inFlight);

/** Places as they are given away, one after the other. */
export class DeliveryPlaces {
  readonly #inFlight: Map<string, number>;
  #free: number;

  constructor(free: number, inFlight: Readonly<Record<string, number>>) {
    this.#inFlight = new Map(Object.entries(inFlight));
    this.#free = free;
  }

  /** Accounts that have something on its way and get no more at the moment. */
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
