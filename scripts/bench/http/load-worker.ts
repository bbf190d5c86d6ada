import { readFileSync } from "node:fs";
import { cpuShares, readCpuTimes } from "../measures/cpu-time.ts";
import { Samples } from "../measures/percentiles.ts";
import { type Connection, openConnection } from "./connection.ts";
import type { LoadJob, LoadResult } from "./load.ts";
import { compileRequest, type NextRequest } from "./request-template.ts";

// The load generator: its own process, so that the server has its core to itself. It runs the jobs that `load.ts`
// sends, one after the other, and ends with the bench.

process.on("message", async (job: LoadJob) => {
  try {
    process.send?.({ result: await runLoad(job) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
process.on("disconnect", () => process.exit());

async function runLoad(job: LoadJob): Promise<LoadResult> {
  const url = new URL(job.url);
  const ids = job.idsFile ? readFileSync(job.idsFile) : Buffer.alloc(0);
  const load = new Load(compileRequest(job.request, url.host, ids), job.expectedStatus);
  try {
    await load.open({ hostname: url.hostname, port: Number(url.port) }, job.connections);
    if (job.ratePerSecond) load.startPaced(job.ratePerSecond);
    else load.startClosed();
    await load.runFor(job.warmUpMs);
    const cpuBefore = readCpuTimes([job.serverPid]);
    const began = performance.now();
    load.samples = new Samples();
    await load.runFor(job.measureMs);
    const seconds = (performance.now() - began) / 1000;
    const cpuAfter = readCpuTimes([job.serverPid]);
    return {
      ...load.samples.summary(),
      requests: load.samples.count,
      rate: load.samples.count / seconds,
      cpu: cpuShares(cpuBefore, cpuAfter, seconds),
    };
  } finally {
    load.close();
  }
}

/** The load of a set of connections: as fast as they respond, or at a pace independent of the server. */
class Load {
  samples = new Samples();
  readonly #next: NextRequest;
  readonly #expectedStatus: number;
  readonly #connections: Connection[] = [];
  /** With a pace: when requests were due that no connection was free for, oldest first. */
  readonly #overdue: number[] = [];
  readonly #free: number[] = [];
  /** For each connection, when its request was sent or, with a pace, was due. */
  readonly #since: number[] = [];
  readonly #failure = Promise.withResolvers<never>();
  #pacer: ReturnType<typeof setInterval> | undefined;

  constructor(next: NextRequest, expectedStatus: number) {
    this.#next = next;
    this.#expectedStatus = expectedStatus;
    // The failure is reported by `runFor`; before that it must not end the process as an unhandled rejection.
    this.#failure.promise.catch(() => {});
  }

  async open(server: { hostname: string; port: number }, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const onAnswer = (status: number, head: Buffer) => this.#answered(index, status, head);
      const fail = (why: string) => this.#failure.reject(new Error(why));
      this.#connections.push(await openConnection(server, onAnswer, fail));
    }
  }

  /** Closed loop: every connection sends its next request as soon as it has its response. */
  startClosed(): void {
    for (const index of this.#connections.keys()) this.#send(index, performance.now());
  }

  /**
   * Open loop: requests fall due at random instants, whether or not the server keeps up, and their latency counts from
   * then. The timer fires at most once per millisecond, so up to one millisecond of a latency is the generator's.
   */
  startPaced(ratePerSecond: number): void {
    this.#free.push(...this.#connections.keys());
    const meanGapMs = 1000 / ratePerSecond;
    let due = performance.now();
    this.#pacer = setInterval(() => {
      const now = performance.now();
      while (due <= now) {
        const index = this.#free.pop();
        if (index === undefined) this.#overdue.push(due);
        else this.#send(index, due);
        due += meanGapMs * -Math.log(1 - Math.random());
      }
    }, 1);
  }

  /** Resolves when the time is over. Rejects at the first unexpected response or a lost connection. */
  async runFor(ms: number): Promise<void> {
    await Promise.race([this.#failure.promise, new Promise((done) => setTimeout(done, ms))]);
  }

  close(): void {
    clearInterval(this.#pacer);
    for (const connection of this.#connections) connection.close();
  }

  #answered(index: number, status: number, head: Buffer): void {
    const now = performance.now();
    if (status !== this.#expectedStatus) this.#failure.reject(new Error(`an unexpected answer: ${head.toString()}`));
    this.samples.add(now - (this.#since[index] as number));
    const since = this.#pacer ? this.#overdue.shift() : now;
    if (since === undefined) this.#free.push(index);
    else this.#send(index, since);
  }

  #send(index: number, since: number): void {
    this.#since[index] = since;
    (this.#connections[index] as Connection).send(this.#next());
  }
}
