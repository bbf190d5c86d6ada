/** One line of the table: what was measured, and its target. Absent members do not apply to the row. */
export type Figure = {
  row: string;
  twins?: number;
  /** The responses counted in the measured time; one with an unexpected status fails the run. */
  answers?: number;
  /** Responses per second, or commands for `store`: the median of the rounds. */
  rate?: number;
  /** The floor's rate in the same rounds. */
  floor?: number;
  /** To the floor, or to the same row with fewer twins: the median of the rounds' ratios. */
  ratio?: number;
  /** The same for responses per second of processor time, over all threads of the server. */
  ratioPerCpu?: number;
  p50Ms?: number;
  p99Ms?: number;
  maxMs?: number;
  /** Memory of an idle session. */
  sessionKb?: number;
  required?: Requirement;
  note?: string;
};

/** "The ratio is at least 0.4", "p99Ms is less than 25". */
type Requirement =
  | { of: "ratio" | "p50Ms" | "p99Ms"; atLeast: number }
  | { of: "p50Ms" | "p99Ms" | "sessionKb"; below: number };

type Verdict = "pass" | "short";

export function verdictOf(figure: Figure): Verdict | undefined {
  const { required } = figure;
  if (!required) return undefined;
  const measured = figure[required.of] ?? Number.NaN;
  const met = "below" in required ? measured < required.below : measured >= required.atLeast;
  return met ? "pass" : "short";
}
