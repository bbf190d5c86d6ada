import type { Deps } from "../deps.ts";
import type { Counter } from "../metrics/counter.ts";
import { DURATIONS, type Histogram } from "../metrics/histogram.ts";
import type { Settlement } from "../notifications/deliveries/settle-delivery.ts";
import { countWaiting } from "../notifications/model/delivery-rows.ts";
import { firstDueAt } from "../notifications/model/subscription-rows.ts";

const ATTEMPTS = {
  name: "twinpost_delivery_attempts_total",
  help: "Attempts to deliver a message of a webhook, by the outcome of the message.",
};
const SECONDS = {
  name: "twinpost_delivery_attempt_duration_seconds",
  help: "Time from the lookup of the receiver's address to the end of its response.",
};

/**
 * Maximum number of waiting messages that are counted: that takes the event loop half a millisecond; ten times as many
 * take eight.
 */
const WAITING_COUNTED_MAX = 10_000;

/** `not kept`: the outcome could not be stored. */
type Ended = Settlement | "not kept";

const OUTCOMES: Record<Ended, string> = {
  delivered: "delivered",
  waiting: "waiting",
  failed: "failed",
  dropped: "dropped",
  "not ours": "lost",
  "not kept": "lost",
};

/** Metrics of deliveries: their outcomes, and how many wait. */
export class DeliveryMetrics {
  readonly #attempts: Record<Ended, Counter>;
  readonly #seconds: Histogram;

  constructor({ metrics, store, clock }: Deps, underWay: { readonly size: number; readonly linedUp: number }) {
    const counters = Object.entries(OUTCOMES).map(([ended, outcome]) => [
      ended,
      metrics.counter(ATTEMPTS, { outcome }),
    ]);
    this.#attempts = Object.fromEntries(counters);
    this.#seconds = metrics.histogram(SECONDS, DURATIONS);
    const gauge = (name: string, help: string, read: () => number) =>
      metrics.read("gauge", { name: `twinpost_deliveries_${name}`, help }, read);
    gauge("sending", "Messages of webhooks that are on their way.", () => underWay.size);
    gauge(
      "lined_up_subscriptions",
      "Webhook subscriptions that wait because their accounts have as many messages on the way as they may.",
      () => underWay.linedUp,
    );
    gauge(
      "waiting",
      `Messages of webhooks that wait, retries included; ${WAITING_COUNTED_MAX} stands for more too.`,
      () => store.read((reader) => countWaiting(reader, WAITING_COUNTED_MAX)),
    );
    gauge("late_seconds", "How long the message has been due that has waited longest.", () => {
      const dueAt = store.read(firstDueAt) ?? Number.POSITIVE_INFINITY;
      return Math.max(0, clock.now() - dueAt) / 1000;
    });
  }

  attempted(ended: Ended, durationMs: number | null): void {
    this.#attempts[ended].add();
    if (durationMs !== null) this.#seconds.observe(durationMs / 1000);
  }
}
