import { type Figure, verdictOf } from "./figure.ts";
import type { Machine } from "./machine.ts";

const COLUMNS: { title: string; of: (figure: Figure) => string; left?: boolean }[] = [
  { title: "row", of: ({ row }) => row, left: true },
  { title: "twins", of: ({ twins }) => count(twins) },
  { title: "rate/s", of: ({ rate }) => count(rate) },
  { title: "floor/s", of: ({ floor }) => count(floor) },
  { title: "ratio", of: ({ ratio }) => decimals(ratio, 2) },
  { title: "per cpu", of: ({ ratioPerCpu }) => decimals(ratioPerCpu, 2) },
  { title: "p50 ms", of: ({ p50Ms }) => decimals(p50Ms, 2) },
  { title: "p99 ms", of: ({ p99Ms }) => decimals(p99Ms, 2) },
  { title: "max ms", of: ({ maxMs }) => decimals(maxMs, 1) },
  { title: "required", of: requirementOf, left: true },
  { title: "", of: (figure) => verdictOf(figure) ?? "", left: true },
  { title: "", of: ({ note }) => note ?? "", left: true },
];

/** The figures for people. */
export function renderTable(machine: Machine, figures: readonly Figure[]): string {
  const lines = [COLUMNS.map(({ title }) => title), ...figures.map((figure) => COLUMNS.map(({ of }) => of(figure)))];
  const widths = COLUMNS.map((_, index) => Math.max(...lines.map((line) => (line[index] as string).length)));
  const rendered = lines.map((line) =>
    line
      .map((cell, index) =>
        COLUMNS[index]?.left ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  const answers = figures.reduce((sum, figure) => sum + (figure.answers ?? 0), 0);
  return `${describeMachine(machine)}\n\n${rendered.join("\n")}\n\n${count(answers)} answers, none with an unexpected status.\n`;
}

function describeMachine(machine: Machine): string {
  const { cpu, cores, memoryGb, platform, bun, syncMs, loadAverage } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, bun ${bun}`,
    `fdatasync of 4 kB: p50 ${decimals(syncMs.p50, 2)} ms, p99 ${decimals(syncMs.p99, 2)} ms; load average before: ${decimals(loadAverage, 2)}`,
  ].join("\n");
}

function requirementOf({ required }: Figure): string {
  if (!required) return "";
  if (!("below" in required)) return `${required.of.replace("Ms", "")} >= ${required.atLeast.toFixed(2)}`;
  if (required.of === "sessionKb") return `below ${required.below} kB`;
  return `${required.of.replace("Ms", "")} < ${required.below} ms`;
}

const count = (value: number | undefined) =>
  value === undefined ? "" : Math.round(value).toLocaleString("en").replaceAll(",", " ");
const decimals = (value: number | undefined, digits: number) => (value === undefined ? "" : value.toFixed(digits));
