import { describeCpu } from "../cpu-time.ts";
import type { Figure } from "../figure.ts";
import type { Options } from "../options.ts";
import { median } from "../percentiles.ts";
import { type Broker, startAedes, startFloor, startMosquitto } from "./brokers.ts";
import type { MqttResult } from "./job.ts";
import { type MqttLoad, startMqttLoad } from "./load.ts";
import { measureIdle } from "./measure-idle.ts";
import { startProduct } from "./product.ts";
import { MQTT_ROWS, type MqttRow } from "./rows.ts";

const WARM_UP_MS = 1000;

/** What devices get, against a floor and against the brokers that are here, all under the same load in turn. */
export async function measureMqtt(options: Options, signal: AbortSignal): Promise<Figure[]> {
  const rows = MQTT_ROWS.filter(({ name }) => options.rows.has(name));
  if (rows.length === 0 && !options.rows.has("mqtt_idle")) return [];
  await using stack = new AsyncDisposableStack();
  const product = await startProduct(stack, options.program);
  const floor = await startFloor(stack);
  const mosquitto = await startMosquitto(stack);
  const peers = [...(mosquitto ? [mosquitto] : []), await startAedes(stack)];
  const load = stack.use(startMqttLoad(signal));
  const figures: Figure[] = [];
  for (const row of rows) {
    const others = row.against === "floor" ? [floor] : peers;
    figures.push(...(await measureRow(row, [product, ...others], load, options)));
    if (row.against === "mosquitto" && !mosquitto) figures.push(skipped(row));
  }
  if (options.rows.has("mqtt_idle")) figures.push(...(await measureIdle([product, ...peers], load)));
  return figures;
}

/** In rounds of all brokers in turn, so that a busy neighbour weighs on all alike. */
async function measureRow(row: MqttRow, brokers: Broker[], load: MqttLoad, options: Options): Promise<Figure[]> {
  const results = new Map<Broker, MqttResult[]>(brokers.map((broker) => [broker, []]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const [broker, rounds] of results) {
      const target = { url: broker.urls[row.transport] ?? "", pid: broker.pid };
      const times = { warmUpMs: WARM_UP_MS, measureMs: options.seconds * 1000 };
      rounds.push(await load.run({ target, ...times, ...row.job(broker) }));
    }
    const told = [...results].map(([{ name }, rounds]) => `${name} ${describe(row, rounds.at(-1) as MqttResult)}`);
    process.stderr.write(`${row.name} by ${row.transport}, round ${round}: ${told.join(", ")}\n`);
  }
  const compared = brokers.find(({ name }) => name === row.against);
  return brokers.map((broker, index) => {
    const figure = figureOf(row, broker, results.get(broker) as MqttResult[]);
    return index === 0 && compared
      ? { ...figure, ...comparison(row, results.get(broker) ?? [], results.get(compared) ?? []) }
      : figure;
  });
}

const figureOf = (row: MqttRow, broker: Broker, rounds: MqttResult[]): Figure => ({
  row: `${row.name} ${row.transport}${broker.name === "twinpost" ? "" : `: ${broker.name}`}`,
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

function comparison(row: MqttRow, ours: MqttResult[], theirs: MqttResult[]): Partial<Figure> {
  if (row.paced) return {};
  const ratios = (of: (result: MqttResult) => number) =>
    median(ours.map((result, round) => of(result) / of(theirs[round] as MqttResult)));
  return {
    floor: median(theirs.map(({ rate }) => rate)),
    ratio: ratios(({ rate }) => rate),
    ratioPerCpu: ratios(({ rate, cpu }) => rate / cpu.server),
    ...(row.atLeast !== undefined && { required: { of: "ratio", atLeast: row.atLeast } }),
  };
}

const skipped = (row: MqttRow): Figure => ({
  row: `${row.name} ${row.transport}: mosquitto`,
  note: "skipped: mosquitto is not installed here",
});

const describe = ({ paced = false }: MqttRow, { rate, cpu }: MqttResult) =>
  `${Math.round(rate)}/s (${describeCpu([cpu], { paced })})`;
