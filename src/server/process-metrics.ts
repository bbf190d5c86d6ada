import { type Cancel, type Clock, stopwatchMs } from "../kernel/clock.ts";
import { once } from "../kernel/once.ts";
import { VERSION } from "../kernel/version.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { commit } from "../platform/commit.ts";
import { descriptorLimit, openDescriptors } from "../platform/descriptors.ts";
import { runtime } from "../platform/process.ts";

const BUILD = { name: "twinpost_build_info", help: "Always 1; the labels name the versions of the build." };
const LATENESS = {
  name: "twinpost_event_loop_lag_seconds",
  help: "Delay of a timer of 100 ms, because the event loop was busy.",
};

/** Ten samples a second catch the delays that callers notice, at no measurable cost. */
const SAMPLE_MS = 100;
const LAGS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Metrics of the process. Names that begin with `process_` are the conventional ones that every program exports. */
export function registerProcessMetrics(metrics: Metrics, startedAt: number): void {
  const commitOnce = once(() => commit() ?? "unknown");
  metrics.read("gauge", BUILD, () => [{ labels: { version: VERSION, commit: commitOnce(), runtime }, value: 1 }]);
  const read = (type: "counter" | "gauge", name: string, help: string, of: () => number) =>
    metrics.read(type, { name: `process_${name}`, help }, of);
  read("gauge", "start_time_seconds", "When the server started, in seconds since 1970.", () => startedAt / 1000);
  read("gauge", "resident_memory_bytes", "Memory that the system has given to it.", () => process.memoryUsage.rss());
  read("gauge", "heap_bytes", "Of that, what its values take.", () => process.memoryUsage().heapUsed);
  const descriptors = (name: string, help: string, of: () => number | null) => {
    if (of() !== null) read("gauge", name, help, () => of() ?? 0);
  };
  descriptors("open_fds", "Files and connections that it has open.", openDescriptors);
  descriptors("max_fds", "How many it may have.", descriptorLimit);
  read("counter", "cpu_seconds_total", "Processor time, its own and the system's for it.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}

/** Measures how long other work delays the event loop, until it is cancelled. */
export function watchEventLoop(metrics: Metrics, clock: Clock): Cancel {
  const lateness = metrics.histogram(LATENESS, LAGS);
  let cancel: Cancel;
  const arm = () => {
    const dueMs = stopwatchMs() + SAMPLE_MS;
    cancel = clock.at(clock.now() + SAMPLE_MS, () => {
      lateness.observe(Math.max(0, stopwatchMs() - dueMs) / 1000);
      arm();
    });
  };
  arm();
  return () => cancel();
}
