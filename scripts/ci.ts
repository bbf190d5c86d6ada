import { dirname, join } from "node:path";
import { temporaryFolder } from "../test/support/process/server-process.ts";
import { enduranceSteps } from "./ci/endurance.ts";
import { lawFiles } from "./ci/laws.ts";

// Runs every step of continuous integration, even after a failed one, and ends with a line that counts all their tests.
// A step that counts no tests counts as one.

const root = join(import.meta.dir, "..");
const NPX_BUN = ["npx", "-y", "bun@1.4.5"];

type Step = { name: string; command: string[]; cwd?: string; env?: Record<string, string> };
type Count = { passed: number; failed: number; skipped: number };

using home = temporaryFolder();
using clone = temporaryFolder();

/** Like a machine with only Node: an empty home folder, and no tools but npx on the path. */
const bare = {
  HOME: home.path,
  PATH: `${dirname(Bun.which("npx") as string)}:/usr/bin:/bin`,
  ...(process.env["npm_config_registry"] && { npm_config_registry: process.env["npm_config_registry"] }),
};

const STEPS: Step[] = [
  { name: "clone", command: ["git", "clone", "-q", root, clone.path] },
  { name: "test, in a fresh clone", command: [...NPX_BUN, "run", "test"], cwd: clone.path, env: bare },
  { name: "start, in a fresh clone", command: [...NPX_BUN, "scripts/first-start.ts"], cwd: clone.path, env: bare },
  { name: "install", command: [process.execPath, "install", "--frozen-lockfile"] },
  // The rest of `bun run check`, whose tests have just run in the clone.
  { name: "format, lint, types", command: [process.execPath, "run", "lint"] },
  { name: "processes", command: [process.execPath, "run", "processes"] },
  { name: "build", command: [process.execPath, "run", "build"] },
  { name: "smoke", command: [process.execPath, "run", "smoke"] },
  { name: "conformance", command: [process.execPath, "run", "conformance"] },
  ...enduranceSteps(),
  {
    name: "accounts that travel",
    command: [process.execPath, "test", "./test/cli/export.test.ts"],
    env: { TWINPOST_RUNS: "100" },
  },
  {
    name: "laws",
    command: [process.execPath, "test", "--timeout", "60000", ...lawFiles()],
    env: { TWINPOST_TRIES: "10" },
  },
];

/** Runs a step, passes its output through, and returns its counts. */
async function run({ name, command, cwd = root, env = {} }: Step): Promise<Count> {
  process.stdout.write(`\n=== ${name}: ${command.join(" ")}\n`);
  const started = performance.now();
  const child = Bun.spawn(command, {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  const pass = async (stream: ReadableStream<Uint8Array>) => {
    for await (const part of stream) {
      output += new TextDecoder().decode(part);
      process.stdout.write(part);
    }
  };
  await Promise.all([pass(child.stdout), pass(child.stderr)]);
  const code = await child.exited;
  process.stdout.write(`=== ${name}: exit ${code} after ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  return countOf(output, code);
}

/** Parses the last line of our own scripts (`N passed, N failed`) or of `bun test` (`N pass`, `N fail`, `N skip`). */
function countOf(output: string, code: number): Count {
  const last = (pattern: RegExp) => Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);
  const passed = last(/^\s*(\d+) pass(?:ed\b.*)?$/gm);
  const failed = last(/^(?:\s*|\d+ passed, )(\d+) fail(?:ed\b.*)?$/gm);
  const skipped = last(/^(?:\s*|\d+ passed, \d+ failed, )(\d+) skip(?:ped)?$/gm);
  if (passed + failed + skipped === 0) return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  return { passed, failed: code === 0 ? failed : Math.max(1, failed), skipped };
}

const total: Count = { passed: 0, failed: 0, skipped: 0 };
const outcomes: string[] = [];
for (const step of STEPS) {
  const count = await run(step);
  outcomes.push(`${step.name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  for (const key of ["passed", "failed", "skipped"] as const) total[key] += count[key];
}

process.stdout.write(`\n${outcomes.map((outcome) => `--- ${outcome}`).join("\n")}\n\n`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
