import { runProgram } from "../../../src/cli/program.ts";
import { type Account, runTool, SOURCE } from "./server-process.ts";

type Options = { dataDir: string; env?: Record<string, string>; cwd?: string };

/**
 * A command-line tool, run to its end in this process, where a process of its own would prove nothing more: it takes a tenth of the time.
 * Of the built executable (TWINPOST_PROGRAM) it is always a process. Not for what changes its process, as a backup does.
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

/** In the place of a stream's `write`: whoever waits for it to be written is told at once. */
const into = (take: (text: string) => void) =>
  ((text: string, written?: (error?: Error) => void) => {
    take(text);
    written?.();
    return true;
  }) as typeof process.stdout.write;

/** A new account of that data directory, made by `twinpost account create`. */
export async function createAccountHere(dataDir: string, name = "Meter company"): Promise<Account> {
  const { code, stdout, stderr } = await runHere(["account", "create", "--name", name, "--json"], { dataDir });
  if (code !== 0) throw new Error(`account create failed: ${stderr}`);
  return JSON.parse(stdout);
}
