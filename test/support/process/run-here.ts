import { runProgram } from "../../../src/cli/program.ts";
import { type Account, runTool, SOURCE } from "./server-process.ts";

type Options = { dataDir: string; env?: Record<string, string>; cwd?: string };

/**
 * Runs a command-line tool to its end in this process, where a process of its own would prove nothing more: it takes a
 * tenth of the time. With the built executable (TWINPOST_PROGRAM) it is always a process. Not for tools that change
 * their process, as a backup does.
 */
export async function runHere(args: string[], options: Options): ReturnType<typeof runTool> {
  if (process.env["TWINPOST_PROGRAM"]) return runTool(args, { ...options, program: SOURCE });
  const kept = { out: process.stdout.write, error: process.stderr.write, env: { ...process.env } };
  const printed = { stdout: "", stderr: "" };
  process.stdout.write = into((text) => {
    printed.stdout += text;
  });
  process.stderr.write = into((text) => {
    printed.stderr += text;
  });
  Object.assign(process.env, { TWINPOST_LOG: "silent", ...options.env });
  try {
    const code = await runProgram([...args, "--data-dir", options.dataDir]);
    return { code, ...printed };
  } finally {
    process.stdout.write = kept.out;
    process.stderr.write = kept.error;
    for (const name of Object.keys(process.env)) if (!(name in kept.env)) delete process.env[name];
    Object.assign(process.env, kept.env);
  }
}

/** Replaces a stream's `write`: its callback is called at once. */
const into = (take: (text: string) => void) =>
  ((text: string, written?: (error?: Error) => void) => {
    take(text);
    written?.();
    return true;
  }) as typeof process.stdout.write;

/** A new account in that data directory, created by `twinpost account create`. */
export async function createAccountHere(dataDir: string, name = "Meter company"): Promise<Account> {
  const { code, stdout, stderr } = await runHere(["account", "create", "--name", name, "--json"], { dataDir });
  if (code !== 0) throw new Error(`account create failed: ${stderr}`);
  return JSON.parse(stdout);
}
