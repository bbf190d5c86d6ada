import { stopwatchMs } from "../kernel/clock.ts";
import type { BodyBudget } from "../kernel/fairness/body-budget.ts";
import type { Counter } from "../metrics/counter.ts";
import { DURATIONS } from "../metrics/histogram.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Surface } from "./surface.ts";

const REQUESTS = {
  name: "twinpost_http_requests_total",
  help: "Requests that were answered, by operation and status.",
};
const SECONDS = {
  name: "twinpost_http_request_duration_seconds",
  help: "Time from the start of a request's operation to its finished response.",
};

/** Memory and time that request bodies take. */
export function registerBodyMetrics(metrics: Metrics, bodies: BodyBudget): void {
  const help = "Bytes of request bodies that are arriving or being processed.";
  metrics.read("gauge", { name: "twinpost_http_body_bytes", help }, () => bodies.byteCount);
}

/** Counts a response and its duration since `beganMs`. */
type Answered = (status: number, beganMs: number) => void;

/**
 * Counts the responses of one operation; `none` for all paths without an operation, so that arbitrary paths make no new
 * series.
 */
export function responseCounter(metrics: Metrics, { name: api }: Surface, operation: string): Answered {
  const [served, refused, failed] = ["2xx", "4xx", "5xx"].map((status) =>
    metrics.counter(REQUESTS, { api, operation, status }),
  ) as [Counter, Counter, Counter];
  const seconds = metrics.histogram(SECONDS, DURATIONS, { api, operation });
  return (status, beganMs) => {
    (status >= 500 ? failed : status >= 400 ? refused : served).add();
    seconds.observe((stopwatchMs() - beganMs) / 1000);
  };
}
