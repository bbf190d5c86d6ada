import { startServer, temporaryFolder } from "../../test/support/process/server-process.ts";
import type { Figure } from "./measures/figure.ts";
import { Samples } from "./measures/percentiles.ts";
import { builtProgram, describeProgram, type Options } from "./setup/options.ts";

const STARTS = 9;
const START_MAX_MS = 300;

/**
 * From starting the program to its first response, on an empty database: from source, and the built file if there is
 * one.
 */
export async function measureStart({ program }: Options, signal: AbortSignal): Promise<Figure[]> {
  const built = builtProgram();
  const figures = [await measureProgram("start", program, signal)];
  if (built && built[0] !== program[0]) figures.push(await measureProgram("start, built file", built, signal));
  return figures;
}

async function measureProgram(row: string, program: readonly string[], signal: AbortSignal): Promise<Figure> {
  // Not counted: the first start reads the program from disk, and the first `fetch` of this process is slow.
  await startOnce(program);
  const samples = new Samples();
  for (let i = 0; i < STARTS; i++) {
    signal.throwIfAborted();
    samples.add(await startOnce(program));
  }
  const { p50Ms, maxMs } = samples.summary();
  return {
    row,
    twins: 0,
    p50Ms,
    maxMs,
    required: { of: "p50Ms", below: START_MAX_MS },
    note: describeProgram(program),
  };
}

async function startOnce(program: readonly string[]): Promise<number> {
  using folder = temporaryFolder();
  const began = performance.now();
  await using server = await startServer({ dataDir: folder.path, program });
  const response = await fetch(`${server.url}/openapi.json`);
  await response.bytes();
  const took = performance.now() - began;
  if (response.status !== 200) throw new Error(`the first answer has status ${response.status}`);
  return took;
}
