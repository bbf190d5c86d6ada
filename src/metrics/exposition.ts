import type { Metric } from "prom-client";
import Registry from "prom-client/lib/registry.js";
import type { Family, Metrics } from "./metrics.ts";

type Exposition = { readonly contentType: string; readonly text: string };

/**
 * How everything stands now, as Prometheus reads it. What cannot be read now is left out, and `onFault` told: of a server whose disk
 * fails the rest is wanted all the more.
 */
export async function expose(metrics: Metrics, onFault: (name: string, error: unknown) => void): Promise<Exposition> {
  const registry = new Registry();
  for (const family of metrics.families()) {
    const view = viewOf(family, (error) => onFault(family.name, error));
    if (view) registry.registerMetric(view);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/**
 * A family in the shape of the library's own metrics, as far as a registry asks for it. Those look their labels up at each observation: counting
 * and timing a request takes them 500 ns, and ours 10.
 */
function viewOf({ samples, ...about }: Family, onFault: (error: unknown) => void): Metric | undefined {
  try {
    const values = samples().map(({ name, ...sample }) => ({ ...sample, ...(name && { metricName: name }) }));
    return { name: about.name, get: async () => ({ ...about, values }) } as unknown as Metric;
  } catch (error) {
    onFault(error);
    return undefined;
  }
}
