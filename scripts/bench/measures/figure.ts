/** One line of the table: what was measured, and what is asked of it. Absent members do not apply to the row. */
export type Figure = {
  row: string;
  twins?: number;
  /** How many there were in the measured time, each with the status it was to have: any other fails the run. */
  answers?: number;
  /** Answers, or for `store` commands, a second: the median of the rounds. */
  rate?: number;
  /** The floor's rate in the same rounds. */
  floor?: number;
  /** To the floor, or to the same row with fewer twins: the median of the rounds' own ratios. */
  ratio?: number;
  /** The same, of answers per second of processor time, of all the server's threads. */
  ratioPerCpu?: number;
  p50Ms?: number;
  p99Ms?: number;
  maxMs?: number;
  /** Memory that a session takes which says nothing. */
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
