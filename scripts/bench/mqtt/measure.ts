import { describeCpu } from "../measures/cpu-time.ts";
import type { Figure } from "../measures/figure.ts";
import { median } from "../measures/percentiles.ts";
import type { Options } from "../setup/options.ts";
import type { Broker, BrokerName } from "./broker.ts";
import { type Others, startOthers } from "./brokers.ts";
import type { MqttResult } from "./job.ts";
import { type MqttLoad, startMqttLoad } from "./load.ts";
import { IDLE_BESIDE, measureIdle } from "./measure-idle.ts";
import { startProduct } from "./product.ts";
import { MQTT_ROWS, type MqttRow } from "./rows.ts";

/** Long enough for a runtime to compile the code; later rounds find it compiled. */
const FIRST_WARM_UP_MS = 1000;
const WARM_UP_MS = 300;
/** Brokers without a target are measured in half of the time. */
const ASIDE = 0.5;

/** What devices get, compared with a floor and the available brokers, under the same load in turn. */
export async function measureMqtt(options: Options, signal: AbortSignal): Promise<Figure[]> {
  const rows = MQTT_ROWS.filter(({ name }) => options.rows.has(name));
  const idle = options.rows.has("mqtt_idle");
  if (rows.length === 0 && !idle) return [];
  await using stack = new AsyncDisposableStack();
  const product = await startProduct(stack, options.program);
  const others = await startOthers(
    stack,
    new Set([...rows.flatMap((row) => row.others), ...(idle ? IDLE_BESIDE : [])]),
  );
  const load = stack.use(startMqttLoad(signal));
  const figures: Figure[] = [];
  for (const row of rows) {
    figures.push(...(await measureRow(row, [product, ...present(others, row.others)], load, options)));
    figures.push(...skipped(row, others));
  }
  if (idle) figures.push(...(await measureIdle([product, ...present(others, IDLE_BESIDE)], load)));
  return figures;
}

const present = (others: Others, names: readonly BrokerName[]): Broker[] =>
  names.flatMap((name) => {
    const other = others.get(name);
    return other && !("missing" in other) ? [other] : [];
  });

/** In alternating rounds of all brokers, so that other load affects all alike. */
async function measureRow(row: MqttRow, brokers: Broker[], load: MqttLoad, options: Options): Promise<Figure[]> {
  const results = new Map<Broker, MqttResult[]>(brokers.map((broker) => [broker, []]));
  const measureMs = options.seconds * 1000 * (row.atLeast === undefined ? ASIDE : 1);
  for (let round = 1; round <= options.rounds; round += 1) {
    const warmUpMs = round === 1 ? FIRST_WARM_UP_MS : WARM_UP_MS;
    for (const [broker, rounds] of results) {
      const target = { url: broker.urls[row.transport] ?? "", pids: broker.pids };
      rounds.push(await load.run({ target, warmUpMs, measureMs, ...row.job(broker) }));
    }
    const summaries = [...results].map(([{ name }, rounds]) => `${name} ${describe(row, rounds.at(-1) as MqttResult)}`);
    process.stderr.write(`${row.name} by ${row.transport}, round ${round}: ${summaries.join(", ")}\n`);
  }
  const [[, ours], ...others] = [...results] as [Measured, ...Measured[]];
  const compared = others.find(([{ name }]) => name === row.others[0]);
  return [
    { ...figureOf(row, "", ours), ...(compared && comparison(row, ours, compared)) },
    ...others.map((other) => ({ ...figureOf(row, `: ${other[0].name}`, other[1]), ...ratios(row, ours, other) })),
  ];
}

const figureOf = (row: MqttRow, whose: string, rounds: MqttResult[]): Figure => ({
  row: `${row.name} ${row.transport}${whose}`,
  answers: rounds.reduce((sum, { count }) => sum + count, 0),
  rate: median(rounds.map(({ rate }) => rate)),
  p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
  p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
  maxMs: Math.max(...rounds.map(({ maxMs }) => maxMs)),
  note: describeCpu(
    rounds.map(({ cpu }) => cpu),
    { paced: row.paced ?? false },
  ),
});

type Measured = [broker: Broker, rounds: MqttResult[]];

const comparison = (row: MqttRow, ours: MqttResult[], other: Measured): Partial<Figure> => ({
  ...(!row.paced && { floor: median(other[1].map(({ rate }) => rate)) }),
  ...ratios(row, ours, other),
  ...(row.atLeast !== undefined && { required: { of: "ratio", atLeast: row.atLeast } }),
});

/** Ratios of ours to theirs. With a fixed pace, rates are meaningless. */
function ratios(row: MqttRow, ours: MqttResult[], [, theirs]: Measured): Partial<Figure> {
  if (row.paced) return {};
  const perCpu = ({ rate, cpu }: MqttResult) => rate / cpu.server;
  const ratioOf = (of: (result: MqttResult) => number) =>
    median(ours.map((result, round) => of(result) / of(theirs[round] as MqttResult)));
  return { ratio: ratioOf(({ rate }) => rate), ratioPerCpu: ratioOf(perCpu) };
}

const skipped = (row: MqttRow, others: Others): Figure[] =>
  row.others.flatMap((name) => {
    const other = others.get(name);
    const whose = `${row.name} ${row.transport}: ${name}`;
    return other && "missing" in other ? [{ row: whose, note: `skipped: ${other.missing}` }] : [];
  });

const describe = ({ paced = false }: MqttRow, { rate, cpu }: MqttResult) =>
  `${Math.round(rate)}/s (${describeCpu([cpu], { paced })})`;
