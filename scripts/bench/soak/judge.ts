import { decimals } from "../measures/numbers.ts";
import { median } from "../measures/percentiles.ts";
import type { Health, Sample } from "./health.ts";

/** Growth over the second half of the soak, relative to its mean. */
const GROWTH_MAX = 0.05;
/** The last third relative to the first. */
const SLOWER_MAX = 2;
/** Allowance for the generator's timer and the machine's other users. */
const SLACK_MS = 2;
/** The warm-up is not compared. */
const WARM_UP = 0.1;

export type Finding = { what: string; found: string; allowed: string; met: boolean };

/** Checks that memory and latencies stayed flat, and that everything opened was closed. */
export function judge(samples: readonly Sample[], before: Health, after: Health): Finding[] {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP));
  const third = Math.max(1, Math.floor(warm.length / 3));
  const kinds = Object.keys(Object.assign({}, ...samples.map(({ latencies }) => latencies)));
  return [
    judgeMemory(samples.slice(Math.floor(samples.length / 2))),
    ...kinds.map((kind) => judgeLatency(kind, warm.slice(0, third), warm.slice(-third))),
    {
      what: "descriptors, once all clients have left",
      found: `${before.descriptors} before, ${after.descriptors} after`,
      allowed: "no more than before",
      met: after.descriptors <= before.descriptors,
    },
    {
      what: "threads, once all clients have left",
      found: `${before.threads} before, ${after.threads} after`,
      allowed: "two more (the runtime's own)",
      met: after.threads <= before.threads + 2,
    },
  ];
}

function judgeMemory(half: readonly Sample[]): Finding {
  const mean = meanOf(half.map(({ memoryMb }) => memoryMb));
  const minutes = (half.at(-1)?.minute ?? 0) - (half[0]?.minute ?? 0);
  const perMinute = slopeOf(half.map(({ minute, memoryMb }) => [minute, memoryMb]));
  const growth = (perMinute * minutes) / mean;
  return {
    what: "memory, the line through the second half",
    found: `${decimals(mean, 0)} MB, ${growth < 0 ? "" : "+"}${decimals(growth * 100, 1)} % in ${decimals(minutes, 1)} minutes`,
    allowed: `+${GROWTH_MAX * 100} %`,
    met: growth <= GROWTH_MAX,
  };
}

function judgeLatency(kind: string, first: readonly Sample[], last: readonly Sample[]): Finding {
  const of = (samples: readonly Sample[], which: "p50Ms" | "p99Ms") =>
    median(samples.flatMap(({ latencies }) => latencies[kind]?.[which] ?? []));
  const [from, to] = [of(first, "p99Ms"), of(last, "p99Ms")];
  return {
    what: `latency of ${kind}`,
    found: `p99 ${decimals(from, 1)} → ${decimals(to, 1)} ms (p50 ${decimals(of(first, "p50Ms"), 1)} → ${decimals(of(last, "p50Ms"), 1)} ms)`,
    allowed: `p99 × ${SLOWER_MAX} + ${SLACK_MS} ms`,
    met: to <= from * SLOWER_MAX + SLACK_MS,
  };
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The slope of the line that fits best. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const [meanX, meanY] = [meanOf(points.map(([x]) => x)), meanOf(points.map(([, y]) => y))];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
