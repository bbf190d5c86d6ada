import type { Metrics } from "../metrics/metrics.ts";

const RUNS = { name: "twinpost_job_runs_total", help: "Runs of jobs, by outcome." };
const ITEMS = { name: "twinpost_job_items_total", help: "Items processed by jobs: rows expired, dropped, copied." };

export type JobMetrics = ReturnType<typeof jobMetrics>;

/** The counters of one job's runs. */
export const jobMetrics = (metrics: Metrics, job: string) => ({
  done: metrics.counter(RUNS, { job, outcome: "done" }),
  failed: metrics.counter(RUNS, { job, outcome: "failed" }),
  items: metrics.counter(ITEMS, { job }),
});
