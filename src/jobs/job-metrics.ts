import type { Metrics } from "../metrics/metrics.ts";

const RUNS = { name: "twinpost_job_runs_total", help: "Runs of jobs, by how they ended." };
const ITEMS = { name: "twinpost_job_items_total", help: "What jobs have done: rows expired, dropped, copied." };

export type JobMetrics = ReturnType<typeof jobMetrics>;

/** What the runs of one job are counted by. */
export const jobMetrics = (metrics: Metrics, job: string) => ({
  done: metrics.counter(RUNS, { job, outcome: "done" }),
  failed: metrics.counter(RUNS, { job, outcome: "failed" }),
  items: metrics.counter(ITEMS, { job }),
});
