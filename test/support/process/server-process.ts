import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that is deleted when its test is over. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "twinpost-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * How to run the program: its source code, or what TWINPOST_PROGRAM names as a JSON list, such as the built executable.
 */
export const SOURCE: readonly string[] = process.env["TWINPOST_PROGRAM"]
  ? JSON.parse(process.env["TWINPOST_PROGRAM"])
  : [process.execPath, join(import.meta.dir, "../../../src/main.ts")];

type Options = { dataDir: string; program?: readonly string[]; env?: Record<string, string>; cwd?: string };

/** The real server as a process of its own, on free ports of the loopback address unless others are given. */
export async function startServer({ http = "127.0.0.1:0", ...options }: Options & { http?: string }) {
  const { dataDir, program = SOURCE, env = {}, cwd = dataDir } = options;
  const child = Bun.spawn([...program, "serve", "--data-dir", dataDir, "--http", http], {
    cwd,
    env: { PATH: process.env["PATH"], TWINPOST_LOG: "silent", TWINPOST_MQTT: "127.0.0.1:0", ...env },
    stdout: "pipe",
    stderr: "inherit",
  });
  const { url, mqttUrl, urls } = await readAddresses(child.stdout);
  return {
    url,
    /** Every address that it serves. */
    urls,
    /** The TCP address of devices; by WebSocket they use the other one. */
    mqttUrl,
    pid: child.pid,
    exited: child.exited,
    /** Sends the signal and resolves with the exit code (null if the signal itself ended it). */
    async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
      child.kill(signal);
      await child.exited;
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await this.end("SIGKILL");
    },
  };
}

/** The addresses that the server logs when it serves. */
export async function readAddresses(
  stdout: ReadableStream<Uint8Array>,
): Promise<{ url: string; mqttUrl: string; urls: string[] }> {
  let text = "";
  const reader = stdout.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the server ended before it served: ${text}`);
    text += decoder.decode(value, { stream: true });
    const line = /serves (https?:.*)\n/.exec(text)?.[1];
    if (!line) continue;
    const urls = line.split(", ");
    return { url: urls[0] as string, mqttUrl: urls.find((url) => url.startsWith("mqtt:")) ?? "", urls };
  }
}

export type Account = { account: string; user: string; role: string; secret: string; token: string };

/** Runs a command-line tool of the program to its end. */
export async function runTool(args: string[], { dataDir, program = SOURCE, env = {}, cwd = dataDir }: Options) {
  const child = Bun.spawn([...program, ...args, "--data-dir", dataDir], {
    cwd,
    env: { PATH: process.env["PATH"], TWINPOST_LOG: "silent", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

/** A new account in that server's database, created by `twinpost account create` beside it. */
export async function createAccount(options: Options, name = "Meter company"): Promise<Account> {
  const { code, stdout, stderr } = await runTool(["account", "create", "--name", name, "--json"], options);
  if (code !== 0) throw new Error(`account create failed: ${stderr}`);
  return JSON.parse(stdout);
}
