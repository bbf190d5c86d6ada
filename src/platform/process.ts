import { spawn } from "node:child_process";
import { deno } from "./runtime.ts";

/** The runtime of this program. */
export const runtime = deno ? `Deno ${deno.version.deno}` : `Bun ${Bun.version}`;

/** Whether this is the built executable rather than source code run by a runtime. */
export const isBuilt = !deno && (Bun.main.startsWith("/$bunfs/") || /^[A-Z]:[\\/]~BUN[\\/]/.test(Bun.main));

/** The command with which the user started this program. */
export function programCall(): string {
  if (isBuilt) return "twinpost";
  return deno ? "deno run -A src/main.ts" : `npx -y bun@${Bun.version} run twinpost`;
}

/** The program itself, as the start of a command line. */
function self(): readonly string[] {
  if (isBuilt) return [process.execPath];
  return deno ? [process.execPath, "run", "-A", process.argv[1] as string] : [process.execPath, Bun.main];
}

/**
 * Runs this program in a new process with these arguments, and returns its exit code and standard error. `signal` ends
 * it.
 */
export function runSelf(
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve, reject) => {
    const [program = "", ...rest] = [...self(), ...args];
    const child = spawn(program, rest, { stdio: ["ignore", "ignore", "pipe"], signal });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    // An abort is an error event too, but the process still has to exit: `close` follows.
    child.on("error", (error) => {
      if (child.pid === undefined) reject(error);
    });
    child.on("close", (code) => resolve({ code, stderr }));
  });
}
