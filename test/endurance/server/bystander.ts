import { Wire } from "../../support/http/http-connection.ts";

/**
 * What an uninvolved caller measured since the last report: the number of responses, those that were not 200, and
 * latencies.
 */
export type Report = { answers: number; trouble: string[]; p99Ms: number; worstMs: number };

/** Interval between requests on one connection. */
const PAUSE_MS = 2;

/**
 * An uninvolved caller, in a process of its own, so that it measures the server and not this test. Resolves after its
 * first response.
 */
export async function startBystander(url: string, secret: string) {
  const waiting: PromiseWithResolvers<Report>[] = [];
  const next = () => {
    const report = Promise.withResolvers<Report>();
    waiting.push(report);
    return report.promise;
  };
  const child = Bun.spawn([process.execPath, import.meta.path, url, secret], {
    stdout: "inherit",
    stderr: "inherit",
    ipc: (report: Report) => waiting.shift()?.resolve(report),
    onExit: () => {
      for (const { reject } of waiting.splice(0)) reject(new Error("the bystander has ended"));
    },
  });
  await next();
  return {
    report() {
      child.send("report");
      return next();
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

if (import.meta.main) {
  const [url, secret] = process.argv.slice(2) as [string, string];
  let waits: number[] = [];
  let trouble: string[] = [];
  let wire = await Wire.open(url);

  const ask = async () => {
    const began = performance.now();
    try {
      if (!wire.isOpen) wire = await Wire.open(url);
      const { status, text } = await wire.call("GET", "/whoami", { headers: { authorization: secret } });
      if (status !== 200) trouble.push(`${status} ${text}`);
    } catch (error) {
      if (trouble.length < 10) trouble.push(String(error));
    }
    waits.push(performance.now() - began);
  };
  const report = () => {
    const sorted = waits.toSorted((a, b) => a - b);
    const at = (share: number) => Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;
    process.send?.({ answers: waits.length, trouble, p99Ms: at(0.99), worstMs: at(1) });
    waits = [];
    trouble = [];
  };
  // The pending request counts too: a server that never responds again must not look fast.
  let open: Promise<void>;
  process.on("message", () => void open.then(report));
  process.on("disconnect", () => process.exit(0));
  open = ask();
  await open;
  report();
  for (;;) {
    open = ask();
    await open;
    await Bun.sleep(PAUSE_MS);
  }
}
