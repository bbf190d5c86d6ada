import { type Figure, verdictOf } from "../measures/figure.ts";
import { describeMachine, type Machine } from "../measures/machine.ts";
import { count, decimals } from "../measures/numbers.ts";

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
  { title: "verdict", of: (figure) => verdictOf(figure) ?? "", left: true },
  { title: "note", of: ({ note }) => note ?? "", left: true },
];

/** The figures for people. */
export function renderTable(machine: Machine, figures: readonly Figure[]): string {
  const lines = cellsOf(figures);
  const widths = COLUMNS.map((_, index) => Math.max(...lines.map((line) => (line[index] as string).length)));
  const rendered = lines.map((line) =>
    line
      .map((cell, index) =>
        COLUMNS[index]?.left ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  return `${describeMachine(machine).join("\n")}\n\n${rendered.join("\n")}\n\n${summaryOf(figures)}\n`;
}

/** The same for the page. */
export function renderMarkdown(figures: readonly Figure[]): string {
  const [titles = [], ...lines] = cellsOf(figures).map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  const rule = COLUMNS.map(({ left }) => (left ? "---" : "--:"));
  const table = [titles, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return `${table.join("\n")}\n\n${summaryOf(figures)}\n`;
}

const cellsOf = (figures: readonly Figure[]) => [
  COLUMNS.map(({ title }) => title),
  ...figures.map((figure) => COLUMNS.map(({ of }) => of(figure))),
];

function summaryOf(figures: readonly Figure[]): string {
  const answers = figures.reduce((sum, figure) => sum + (figure.answers ?? 0), 0);
  const asked = figures.filter(({ required }) => required);
  const met = asked.filter((figure) => verdictOf(figure) === "pass");
  return `${count(answers)} answers, none with an unexpected status; ${met.length} of ${asked.length} requirements met.`;
}

function requirementOf({ required }: Figure): string {
  if (!required) return "";
  if (!("below" in required)) return `${required.of.replace("Ms", "")} >= ${required.atLeast.toFixed(2)}`;
  if (required.of === "sessionKb") return `below ${required.below} kB`;
  return `${required.of.replace("Ms", "")} < ${required.below} ms`;
}
