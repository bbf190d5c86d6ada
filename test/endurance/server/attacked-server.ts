import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, Wire } from "../../support/http/http-connection.ts";
import { createAccount, SOURCE, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { type Report, startBystander } from "./bystander.ts";

const MB = 1024 * 1024;

/**
 * How long an uninvolved caller may wait while the server is attacked, on a machine that the attacker keeps busy too.
 */
const STALL_MAX_MS = 1_000;

/** A server to attack, with an uninvolved caller that must not notice. */
export async function openSiege(env: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const dataDir = folder.path;
  const logFile = join(dataDir, "log");
  // The server's log goes to a file: each error in it is a finding.
  const program = ["/bin/sh", "-c", `exec "$0" "$@" 2>${logFile}`, ...SOURCE];
  const account = await createAccount({ dataDir });
  const uninvolved = await createAccount({ dataDir }, "Bystander");
  const server = await startServer({ dataDir, program, env: { TWINPOST_LOG: "error", ...env } });
  const bystander = await startBystander(server.url, uninvolved.secret);
  const began = memoryOf(server.pid).peakMb;
  const headers = { authorization: account.secret };
  const wires: Wire[] = [];

  const open = async () => {
    const wire = await Wire.open(server.url);
    wires.push(wire);
    return wire;
  };

  return {
    server,
    account,
    headers,
    dataDir,
    open,

    /**
     * Many connections, a few hundred at a time, because of the system's accept queue. Connections that must last while
     * many more are opened send a request at once: one that sends nothing for ten seconds is closed.
     */
    async openMany(count: number, { asking = false } = {}): Promise<Wire[]> {
      const opened: Wire[] = [];
      const openOne = async () => {
        const wire = await open();
        if (asking) await wire.call("GET", "/whoami", { headers });
        return wire;
      };
      while (opened.length < count) {
        const some = Array.from({ length: Math.min(250, count - opened.length) }, openOne);
        opened.push(...(await Promise.all(some)));
      }
      return opened;
    },

    /** One request on a connection of its own, with the account's secret. */
    async call(method: string, path: string, body?: string | Uint8Array): Promise<Answer> {
      const wire = await open();
      const answer = await wire.call(method, path, { headers, ...(body !== undefined && { body }) });
      wire.close();
      return answer;
    },

    memory: () => memoryOf(server.pid),

    /** No other caller was refused or delayed, memory grew by no more than this, and no internal error was logged. */
    async expectUnharmed({ growthMb = 48, stallMs = STALL_MAX_MS } = {}): Promise<Report> {
      const report = await bystander.report();
      expect(report.trouble).toEqual([]);
      expect(report.answers).toBeGreaterThan(0);
      const { peakMb } = memoryOf(server.pid);
      const logged = readFileSync(logFile, "utf8").split("\n").filter(Boolean);
      say(
        `others: ${report.answers} answers, waited ${report.worstMs} ms at most; peak ${peakMb} MB, began at ${began} MB`,
      );
      expect(report.worstMs).toBeLessThan(stallMs);
      expect(peakMb - began).toBeLessThan(growthMb);
      expect(logged.map((line) => JSON.parse(line).error?.message ?? line).slice(0, 3)).toEqual([]);
      return report;
    },

    async [Symbol.asyncDispose]() {
      for (const wire of wires) wire.abort();
      await bystander[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

export const say = (line: string) => process.stdout.write(`      ${line}\n`);

/** Resident memory of the process in megabytes, now and at its peak. */
export function memoryOf(pid: number): { nowMb: number; peakMb: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string) => Math.round((Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / MB);
  return { nowMb: read("VmRSS"), peakMb: read("VmHWM") };
}
