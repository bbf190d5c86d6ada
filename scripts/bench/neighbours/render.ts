import { count, decimals } from "../measures/numbers.ts";
import type { NeighbourRow } from "./neighbours.ts";
import { ACTS, type Act } from "./quiet-tenant.ts";

/** Latencies below these are always good enough. */
const FLOOR_MS: Record<Act, number> = { reads: 5, writes: 5, puts: 5, connects: 5, deliveries: 100 };
const MEMORY_MB_MAX = 600;

/** How long the neighbour may wait. */
const limitOf = ({ quiet, times }: NeighbourRow, act: Act) => times * Math.max(FLOOR_MS[act], quiet.p99Ms[act]);

/** The row's targets that were missed. */
function shortcomingsOf(row: NeighbourRow): string[] {
  const { beside, floods, memoryMb, survived } = row;
  const late = ACTS.filter((act) => !(beside.p99Ms[act] <= limitOf(row, act)));
  const refused = Object.entries(beside.refused).map(([what, times]) => `${times} times ${what}`);
  return [
    ...(floods.length > 1 ? [] : late),
    ...refused,
    ...(beside.notReady > 0 ? [`/readyz ${beside.notReady} of ${beside.looks}`] : []),
    ...(memoryMb > MEMORY_MB_MAX ? ["memory"] : []),
    ...(survived ? [] : ["the server ended"]),
  ];
}

const COLUMNS = [
  "flood",
  "accounts",
  ...ACTS.map((act) => `${act}, p99 ms`),
  "memory MB",
  "flood's answers",
  "verdict",
];

/** The rows for people and for the page: quiet p99 → beside the flood (limit). */
export function renderNeighbours(rows: readonly NeighbourRow[]): string {
  const lines = rows.map((row) => {
    const inMemory = row.limitMb === null ? "" : `, in ${row.limitMb} MB`;
    const name = row.floods.length > 1 ? `all together${inMemory}` : (row.floods[0] as string);
    const acts = ACTS.map(
      (act) =>
        `${decimals(row.quiet.p99Ms[act], 1)} → ${decimals(row.beside.p99Ms[act], 1)} (${decimals(limitOf(row, act), 0)})`,
    );
    const answers = Object.entries(row.answers).map(([status, times]) => `${status}: ${count(times)}`);
    const shortcomings = shortcomingsOf(row);
    const verdict = shortcomings.length === 0 ? "pass" : `short: ${shortcomings.join("; ")}`;
    return [name, String(row.attackers), ...acts, decimals(row.memoryMb, 0), answers.join(", "), verdict];
  });
  const table = [COLUMNS, COLUMNS.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  const passed = rows.filter((row) => shortcomingsOf(row).length === 0).length;
  return `A tenant that does a little of everything, alone and beside hostile accounts: quiet p99 → p99 beside the flood (what is allowed).

${table.join("\n")}

${passed} of ${rows.length} rows as asked.
`;
}
