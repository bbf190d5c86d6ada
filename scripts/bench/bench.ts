import { measureDeliveries } from "./deliveries/measure-deliveries.ts";
import { describeRun } from "./describe-run.ts";
import { HTTP_ROWS } from "./http/http-rows.ts";
import { startLoadGenerator } from "./http/load.ts";
import { measureHttpRow } from "./http/measure-http.ts";
import { measureStart } from "./measure-start.ts";
import { type Figure, verdictOf } from "./measures/figure.ts";
import { inspectMachine } from "./measures/machine.ts";
import { measureMqtt } from "./mqtt/measure.ts";
import { measureNeighbours } from "./neighbours/neighbours.ts";
import { renderNeighbours } from "./neighbours/render.ts";
import { writeSection } from "./results/page.ts";
import { renderMarkdown, renderTable } from "./results/table.ts";
import { describeProgram, type Options, parseOptions } from "./setup/options.ts";
import { seedWorlds, serveWorlds } from "./setup/world.ts";
import { renderSoak } from "./soak/render.ts";
import { soak } from "./soak/soak.ts";
import { measureStore } from "./store/measure-store.ts";
import { readVersions } from "./versions.ts";

// `bun run bench [row ...] [--twins N,N] [--seconds S] [--json]`: what "fast" means here, as ratios to floors of the same
// run.
// `bun run bench neighbours`: what a quiet tenant waits beside hostile ones.
// `bun run bench soak`: whether a server stays as it is under a steady load; that does fail.
// A figure below its target is reported but fails nothing: machines are shared, and people judge the ratios.

/** Ctrl-C aborts the work in progress, which unwinds: processes end and folders are removed, in order. */
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => interruption.abort(new Error(`stopped by ${signal}`)));
}

try {
  await bench(parseOptions(process.argv.slice(2)), interruption.signal);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  const machine = inspectMachine();
  const versions = readVersions();
  if (options.soakMinutes !== undefined) {
    const result = await soak(options.soakMinutes, options, signal);
    const text = renderSoak(result);
    process.stdout.write(options.json ? `${JSON.stringify({ machine, versions, ...result }, null, 2)}\n` : text);
    const how = describeProgram(options.program);
    if (options.page) writeSection(options.page, "Soak", `${describeRun(machine, versions, how)}\n${text}`);
    if (result.findings.some(({ met }) => !met)) throw new Error("the soak did not stay flat");
    return;
  }
  if (options.floods) {
    const rows = await measureNeighbours(options.floods, options, signal);
    const text = renderNeighbours(rows);
    process.stdout.write(options.json ? `${JSON.stringify({ machine, versions, rows }, null, 2)}\n` : text);
    const how = `${describeProgram(options.program)}, ${options.seconds} s each`;
    if (options.page) writeSection(options.page, "Neighbours", `${describeRun(machine, versions, how)}\n${text}`);
    return;
  }
  const figures = await measure(options, signal);
  const document = { machine, versions, figures: figures.map((figure) => ({ ...figure, verdict: verdictOf(figure) })) };
  process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : renderTable(machine, figures));
  if (options.page) {
    const how = `${describeProgram(options.program)}, ${options.rounds} rounds of ${options.seconds} s`;
    writeSection(options.page, "Figures", `${describeRun(machine, versions, how)}\n${renderMarkdown(figures)}`);
  }
}

async function measure(options: Options, signal: AbortSignal): Promise<Figure[]> {
  const figures: Figure[] = [];
  if (options.rows.has("start")) figures.push(...(await measureStart(options, signal)));
  if (options.rows.has("deliveries")) figures.push(...(await measureDeliveries(options, signal)));
  figures.push(...(await measureMqtt(options, signal)));
  const rows = HTTP_ROWS.filter(({ name }) => options.rows.has(name));
  if (rows.length === 0 && !options.rows.has("store")) return figures;

  await using stack = new AsyncDisposableStack();
  const worlds = await seedWorlds(stack, options.sizes, options.program, signal);
  // Before the servers start, because they lock the data directories.
  if (options.rows.has("store")) figures.push(...(await measureStore(worlds, options, signal)));
  if (rows.length === 0) return figures;

  const load = stack.use(startLoadGenerator(signal));
  const served = await serveWorlds(stack, worlds, options.program);
  for (const row of rows) figures.push(...(await measureHttpRow(row, served, load, options)));
  return figures;
}
