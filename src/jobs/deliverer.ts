import type { Deps } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import type { Cancel } from "../kernel/clock.ts";
import { describeError } from "../kernel/failure.ts";
import { attemptDelivery } from "../notifications/attempt-delivery.ts";
import { type Leased, leaseDeliveries } from "../notifications/lease-deliveries.ts";
import { settleDelivery } from "../notifications/settle-delivery.ts";
import { DeliveryMetrics } from "./delivery-metrics.ts";

/** Messages on their way at a time, over all endpoints: each is a connection of its own. */
const IN_FLIGHT_MAX = 512;
/** After an error of our own, a full disk for one, the next look waits this long. */
const TROUBLE_MS = 1000;
/** A net below the exact timers: what another process made due, we are not woken for. */
const SWEEP_MS = 60_000;
const CHANCES = 1_000_001;

/**
 * Sends what is due, as it becomes due. It holds nothing but what is on its way at the moment: which deliveries there are, when they
 * are due and who sends them, the database knows, so a killed deliverer is followed by the next.
 *
 * Attempts run beside each other and none is waited for, so an endpoint that hangs takes places of its own and nobody else's time.
 */
export class Deliverer {
  readonly #deps: Deps;
  readonly #metrics: DeliveryMetrics;
  readonly #sending = new Set<Promise<void>>();
  readonly #inFlight = new Map<string, number>();
  readonly #stopping = new AbortController();
  #stopped = true;
  #looking: Promise<void> | undefined;
  #again = false;
  #listening: Cancel | undefined;
  #timer: Cancel | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#metrics = new DeliveryMetrics(deps, () => this.#sending.size);
  }

  start(): void {
    this.#stopped = false;
    this.#listening = this.#deps.store.onWake("deliveries", () => this.#look());
    this.#look();
  }

  /** Takes nothing more, and resolves when what is on its way has been settled; after `graceMs` it is given up, for the next start to send. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#listening?.();
    this.#timer?.();
    await this.#looking;
    const late = setTimeout(() => this.#stopping.abort(), graceMs);
    await Promise.all(this.#sending);
    clearTimeout(late);
  }

  /** Resolves when nothing that is due now is left to be sent, and nothing is on its way. */
  async settled(): Promise<void> {
    for (;;) {
      await this.#looking;
      if (!this.#looking && this.#sending.size === 0) return;
      await Promise.all(this.#sending);
    }
  }

  #look(): void {
    this.#again = true;
    this.#looking ??= this.#lease().finally(() => {
      this.#looking = undefined;
      // Woken after the last look began.
      if (this.#again && !this.#stopped) this.#look();
    });
  }

  async #lease(): Promise<void> {
    const { store, clock, random, log } = this.#deps;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        const room = IN_FLIGHT_MAX - this.#sending.size;
        if (room === 0) return;
        const input = { lease: random.uuid(), room, inFlight: Object.fromEntries(this.#inFlight) };
        const { leased, more, nextAt } = await store.write(leaseDeliveries, SYSTEM, input);
        for (const one of leased) this.#send(one);
        if (more) this.#again = true;
        this.#arm(Math.min(nextAt ?? Number.POSITIVE_INFINITY, clock.now() + SWEEP_MS));
      }
    } catch (error) {
      log.error("deliveries.lease_failed", { error: describeError(error) });
      this.#arm(clock.now() + TROUBLE_MS);
    }
  }

  #arm(at: number): void {
    this.#timer?.();
    if (!this.#stopped) this.#timer = this.#deps.clock.at(at, () => this.#look());
  }

  #send(leased: Leased): void {
    const { accountId } = leased.delivery;
    this.#count(accountId, 1);
    const sending = this.#attempt(leased).finally(() => {
      this.#count(accountId, -1);
      this.#sending.delete(sending);
      if (!this.#stopped) this.#look();
    });
    this.#sending.add(sending);
  }

  /** An outcome that cannot be kept is lost with its lease, and the message is sent again. */
  async #attempt(leased: Leased): Promise<void> {
    const { store, random, log } = this.#deps;
    const { id, attemptCount, lease, subscriptionId } = leased.delivery;
    const fields = { delivery: id, subscription: subscriptionId, attempt: attemptCount };
    try {
      const outcome = await attemptDelivery(this.#deps, leased, this.#stopping.signal);
      const input = { deliveryId: id, lease: lease as string, outcome, chance: random.below(CHANCES) / (CHANCES - 1) };
      const settlement = await store.write(settleDelivery, SYSTEM, input);
      const { status, error, durationMs } = outcome;
      this.#metrics.attempted(settlement, durationMs);
      if (error === null) log.debug("webhook.delivered", { ...fields, ms: durationMs });
      else
        log.caused("info", "webhook.failed", subscriptionId, {
          ...fields,
          status,
          error,
          ms: durationMs,
          now: settlement,
        });
    } catch (error) {
      this.#metrics.attempted("not kept", null);
      log.error("deliveries.attempt_failed", { ...fields, error: describeError(error) });
    }
  }

  #count(accountId: string, by: number): void {
    const count = (this.#inFlight.get(accountId) ?? 0) + by;
    if (count > 0) this.#inFlight.set(accountId, count);
    else this.#inFlight.delete(accountId);
  }
}
