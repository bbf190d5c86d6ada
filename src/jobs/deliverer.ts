import type { Deps } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import type { Cancel } from "../kernel/clock.ts";
import { DomainError, describeError } from "../kernel/failure.ts";
import { attemptDelivery } from "../notifications/deliveries/attempt-delivery.ts";
import { type LeasedDelivery, leaseDeliveries } from "../notifications/deliveries/lease-deliveries.ts";
import { type Settlement, settleDelivery } from "../notifications/deliveries/settle-delivery.ts";
import { DELIVERIES_TOPIC } from "../notifications/model/enqueue.ts";
import { DeliveryMetrics } from "./delivery-metrics.ts";
import { InFlightDeliveries } from "./in-flight-deliveries.ts";

/** The pause after an internal error, such as a full disk. */
const TROUBLE_MS = 1000;
/** A safety net besides the exact timers: deliveries that another process made due wake no timer here. */
const SWEEP_MS = 60_000;
const CHANCES = 1_000_001;

/**
 * Sends deliveries as they become due. It holds only the attempts in flight: which deliveries exist, when they are due
 * and who holds their leases is in the database, so a killed deliverer is simply replaced by the next.
 *
 * Attempts run concurrently and none is awaited, so an endpoint that hangs occupies only its own slots.
 */
export class Deliverer {
  readonly #deps: Deps;
  readonly #metrics: DeliveryMetrics;
  readonly #underWay = new InFlightDeliveries();
  readonly #stopping = new AbortController();
  #stopped = true;
  #looking: Promise<void> | undefined;
  #again = false;
  #listening: Cancel | undefined;
  #timer: Cancel | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#metrics = new DeliveryMetrics(deps, this.#underWay);
  }

  start(): void {
    this.#stopped = false;
    this.#listening = this.#deps.store.onWake(DELIVERIES_TOPIC, () => this.#look());
    this.#look();
  }

  /**
   * Stops leasing, and resolves when the attempts in flight are settled. After `graceMs` they are aborted; the next
   * start sends them again.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#listening?.();
    this.#timer?.();
    const late = setTimeout(() => this.#stopping.abort(), graceMs);
    await this.#looking;
    await this.#underWay.over();
    clearTimeout(late);
  }

  /** Resolves when nothing that is due now is unsent, and nothing is in flight. */
  async settled(): Promise<void> {
    for (;;) {
      await this.#looking;
      if (!this.#looking && this.#underWay.size === 0) return;
      await this.#underWay.over();
    }
  }

  #look(): void {
    this.#again = true;
    this.#looking ??= this.#lease().finally(() => {
      this.#looking = undefined;
      // A wake-up came after the last look began, so look again.
      if (this.#again && !this.#stopped) this.#look();
    });
  }

  async #lease(): Promise<void> {
    const { store, clock, random, log } = this.#deps;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        if (this.#underWay.room === 0) return;
        const input = { lease: random.uuid(), ...this.#underWay.standing() };
        const leases = await store.write(leaseDeliveries, SYSTEM, input);
        for (const one of leases.leased) this.#send(one);
        this.#underWay.line(leases);
        const { more, nextAt } = leases;
        if (more || this.#underWay.canServeLine) this.#again = true;
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

  #send(leased: LeasedDelivery): void {
    void this.#underWay.add(leased, this.#attempt(leased)).then(() => {
      if (!this.#stopped) this.#look();
    });
  }

  /** An outcome that cannot be stored is lost with its lease, and the message is sent again. */
  async #attempt(leased: LeasedDelivery): Promise<void> {
    const { random, log } = this.#deps;
    const { id, attemptCount, lease, subscriptionId } = leased.delivery;
    const fields = { delivery: id, subscription: subscriptionId, attempt: attemptCount };
    try {
      const outcome = await attemptDelivery(this.#deps, leased, this.#stopping.signal);
      const input = { deliveryId: id, lease: lease as string, outcome, chance: random.below(CHANCES) / (CHANCES - 1) };
      const settlement = await this.#settle(leased.delivery.accountId, input);
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

  /**
   * Stores an attempt's outcome. The write is queued with the account's own, so that an account with many messages does
   * not delay others.
   */
  async #settle(account: string, input: Parameters<(typeof settleDelivery)["run"]>[2]): Promise<Settlement> {
    const { store } = this.#deps;
    try {
      return await store.write(settleDelivery, SYSTEM, input, { account, member: "webhooks" });
    } catch (error) {
      // The account has too many queued writes. Losing the outcome of the attempt would send the message twice.
      if (!(error instanceof DomainError) || error.failure.code !== "limited") throw error;
      return await store.write(settleDelivery, SYSTEM, input);
    }
  }
}
