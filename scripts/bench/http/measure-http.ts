import { describeCpu } from "../measures/cpu-time.ts";
import type { Figure } from "../measures/figure.ts";
import { median } from "../measures/percentiles.ts";
import type { Options } from "../setup/options.ts";
import { type Served, warmFile } from "../setup/world.ts";
import { startFloor } from "./floor.ts";
import { answerBytes, floorJob, type HttpRow, productJob } from "./http-rows.ts";
import type { LoadGenerator, LoadResult } from "./load.ts";

/** Target ratios to the floor, and of larger worlds to the smallest. */
const REQUIRED = {
  read: { floor: 0.4, growth: 0.8 },
  search: { floor: undefined, growth: 0.8 },
  write: { floor: 0.25, growth: 0.5 },
};

/** At half of its highest rate, 99 of 100 durable writes are answered within this time. */
const HALF_RATE_P99_MS = 25;

type Round = { floor: LoadResult; products: LoadResult[] };

/** One row against its floor, in alternating rounds of floor and product, so that other load affects both alike. */
export async function measureHttpRow(row: HttpRow, worlds: Served[], load: LoadGenerator, options: Options) {
  await using floor = await startFloor(await answerBytes(row, worlds[0] as Served));
  const rounds: Round[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    const floorResult = await load.run(floorJob(row, floor, worlds[0] as Served, options.seconds));
    const products: LoadResult[] = [];
    for (const world of worlds) {
      warmFile(world);
      products.push(await load.run(productJob(row, world, options.seconds)));
    }
    rounds.push({ floor: floorResult, products });
    process.stderr.write(`${row.name} round ${round}: ${[floorResult, ...products].map(describeLoad).join(", ")}\n`);
  }
  const figures = worlds.flatMap((world, index) => figuresOf(row, worlds, world, index, rounds));
  if (row.kind !== "write") return figures;
  for (const [index, world] of worlds.entries()) {
    const highest = Math.max(...rounds.map((round) => product(round, index).rate));
    warmFile(world);
    const paced = await load.run({ ...productJob(row, world, options.seconds), ratePerSecond: highest / 2 });
    figures.push(pacedFigure(row, world, paced));
  }
  return figures;
}

function figuresOf(row: HttpRow, worlds: Served[], world: Served, index: number, rounds: Round[]): Figure[] {
  const required = REQUIRED[row.kind];
  const atLeast = row.atLeast ?? required.floor;
  const results = rounds.map((round) => product(round, index));
  const figure: Figure = {
    row: row.name,
    twins: world.twins,
    answers: results.reduce((sum, { requests }) => sum + requests, 0),
    rate: median(results.map(({ rate }) => rate)),
    floor: median(rounds.map(({ floor }) => floor.rate)),
    ratio: median(rounds.map((round) => product(round, index).rate / round.floor.rate)),
    ...perCpu(rounds.map((round) => ratePerCpu(product(round, index)) / ratePerCpu(round.floor))),
    p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
    maxMs: Math.max(...results.map(({ maxMs }) => maxMs)),
    ...(atLeast !== undefined && { required: { of: "ratio", atLeast } }),
    note: `${describeCpu(results.map(({ cpu }) => cpu))}; floor: ${describeCpu(rounds.map(({ floor }) => floor.cpu))}`,
  };
  if (index === 0) return [figure];
  const growth: Figure = {
    row: `${row.name}, against ${worlds[0]?.twins}`,
    twins: world.twins,
    ratio: median(rounds.map((round) => product(round, index).rate / product(round, 0).rate)),
    required: { of: "ratio", atLeast: required.growth },
  };
  return [figure, growth];
}

const pacedFigure = (
  row: HttpRow,
  world: Served,
  { requests, rate, p50Ms, p99Ms, maxMs, cpu }: LoadResult,
): Figure => ({
  row: `${row.name}, half rate`,
  twins: world.twins,
  answers: requests,
  rate,
  p50Ms,
  p99Ms,
  maxMs,
  required: { of: "p99Ms", below: HALF_RATE_P99_MS },
  note: describeCpu([cpu]),
});

const product = (round: Round, index: number) => round.products[index] as LoadResult;
const ratePerCpu = ({ rate, cpu }: LoadResult) => rate / cpu.server;

/** Absent if the system does not report processor times. */
function perCpu(ratios: number[]): { ratioPerCpu?: number } {
  const ratioPerCpu = median(ratios);
  return Number.isNaN(ratioPerCpu) ? {} : { ratioPerCpu };
}

const describeLoad = (result: LoadResult) => `${Math.round(result.rate)}/s (${describeCpu([result.cpu])})`;
