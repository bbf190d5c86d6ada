import { startServer, temporaryFolder } from "../../test/support/process/server-process.ts";

const STARTS = 3;

/**
 * Milliseconds from starting a built file to its first response, on an empty database: the best of a few, since the
 * machine is shared.
 */
export async function startMilliseconds(file: string): Promise<number> {
  const times: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    using folder = temporaryFolder();
    const started = performance.now();
    await using server = await startServer({ dataDir: folder.path, program: [file] });
    await (await fetch(`${server.url}/whoami`)).text();
    times.push(performance.now() - started);
    await server.end("SIGTERM");
  }
  return Math.round(Math.min(...times));
}
