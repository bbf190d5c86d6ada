import { count, decimals } from "../measures/numbers.ts";
import type { SoakResult } from "./soak.ts";

/** At most this many windows are printed. */
const LINES = 10;

/** The figures of a soak, for people and for the page. */
export function renderSoak({ minutes, samples, findings, answers, webhooks, cpu }: SoakResult): string {
  const step = Math.max(1, Math.ceil(samples.length / LINES));
  const shown = samples.filter((_, index) => (samples.length - 1 - index) % step === 0);
  const windows = shown.map(({ minute, memoryMb, descriptors, threads, databaseMb, logMb, latencies }) => [
    decimals(minute, 1),
    decimals(memoryMb, 0),
    String(descriptors),
    String(threads),
    decimals(databaseMb, 1),
    decimals(logMb, 1),
    decimals(latencies["get_document"]?.p99Ms, 1),
    decimals(latencies["put_document"]?.p99Ms, 1),
    decimals(latencies["mqtt_put"]?.p99Ms, 1),
    decimals(latencies["mqtt_publish_qos1"]?.p99Ms, 1),
  ]);
  return `${decimals(minutes, 1)} minutes of reads, ledger and document writes and scans by REST; puts, publishes of QoS 0 and 1, sessions that come, go and last;
stickers put, removed and expired, and webhooks to a receiver that refuses some with 500. ${count(answers)} answers and messages, none unexpected or lost;
${count(webhooks.count)} webhooks, none lost, p50 ${decimals(webhooks.p50Ms, 1)} ms and p99 ${decimals(webhooks.p99Ms, 1)} ms after the put or the removal. The server's thread was busy for
${decimals(cpu.server * 100, 0)} % of the time, the generator's for ${decimals(cpu.load * 100, 0)} %.

${table(
  [
    "minute",
    "memory MB",
    "descriptors",
    "threads",
    "database MB",
    "log MB",
    "p99 ms: get_document",
    "put_document",
    "mqtt_put",
    "mqtt_publish_qos1",
  ],
  windows,
)}

${table(
  ["asked", "found", "allowed", "verdict"],
  findings.map(({ what, found, allowed, met }) => [what, found, allowed, met ? "pass" : "short"]),
)}
`;
}

const table = (titles: string[], lines: string[][]) =>
  [titles, titles.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
