import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Commands that the README's tour tells its reader to paste, and the output it shows: empty if it shows none. */
type Block = { line: number; commands: string; shown: string };

/** The result of a block: whether its output is what the README shows, or why it was skipped. */
type Played = { what: string; printed: string; agrees: boolean } | { what: string; skipped: string };

/** The tour needs only these; its last part needs mosquitto's clients too. */
export const TOUR_PLAYABLE = process.platform !== "win32" && Bun.which("bash") !== null && Bun.which("curl") !== null;

const DEADLINE_MS = 60_000;
/** Printed after the output of each block. No command prints it. */
const END = "\x1e";

/**
 * The blocks under "Five minutes": `sh` blocks are for the reader to paste, a following `json` or `text` block is the
 * output.
 */
export function tourBlocks(): Block[] {
  const readme = readFileSync(join(import.meta.dir, "../../../README.md"), "utf8");
  const [before, tour = ""] = readme.split(/^(?=## Five minutes$)/m);
  const blocks: Block[] = [];
  for (const fence of (tour.split(/^(?=## )/m)[0] as string).matchAll(/^```(\w*)\n(.*?)^```$/gms)) {
    const [, language, text] = fence as unknown as [string, string, string];
    const line = `${before}${tour.slice(0, fence.index)}`.split("\n").length;
    if (language === "sh") blocks.push({ line, commands: text, shown: "" });
    else if (!["json", "text"].includes(language) || !blocks.length)
      throw new Error(`README:${line}: no part of a tour`);
    else (blocks.at(-1) as Block).shown += text;
  }
  return blocks;
}

/**
 * Pastes the tour into a shell, block by block, in an empty folder that contains only `./twinpost`. The commands run
 * unchanged. The system chooses the ports; settings of the tools map the addresses of the tour to them.
 */
export async function playTour(program: readonly string[], folder: string): Promise<Played[]> {
  const place = join(folder, "tour");
  const home = join(folder, "home");
  for (const path of [place, join(home, ".config")]) mkdirSync(path, { recursive: true });
  const quoted = program.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  writeFileSync(join(place, "twinpost"), `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`);
  chmodSync(join(place, "twinpost"), 0o755);

  await using shell = openShell(place, {
    PATH: process.env["PATH"],
    HOME: home,
    TWINPOST_HTTP: "127.0.0.1:0",
    TWINPOST_MQTT: "127.0.0.1:0",
  });
  let ports: { http: string; mqtt: string } | null = null;
  /** What the reader would see, whose server has the usual ports. */
  const asAtHome = (printed: string) => {
    const [, http, mqtt] = /serves http:\/\/[\d.]+:(\d+), mqtt:\/\/[\d.]+:(\d+)/.exec(printed) ?? [];
    if (http && mqtt && !ports) {
      ports = { http, mqtt };
      directTools(home, ports);
    }
    return ports ? printed.replaceAll(`:${ports.http}`, ":8080").replaceAll(`:${ports.mqtt}`, ":1883") : printed;
  };

  const played: Played[] = [];
  for (const { line, commands, shown } of tourBlocks()) {
    const what = `README:${line}: ${commands.split("\n", 1)[0]}`;
    const client = /^\s*(mosquitto_\w+)/m.exec(commands)?.[1];
    if (client && !Bun.which(client)) {
      played.push({ what, skipped: `there is no ${client}` });
      continue;
    }
    const pattern = patternOf(shown);
    const agrees = (printed: string) => pattern.test(asAtHome(printed).replace(/\s+/g, ""));
    const printed = await shell.paste(commands, agrees);
    played.push({ what, printed: asAtHome(printed), agrees: agrees(printed) });
    if (!agrees(printed)) break;
  }
  return played;
}

/** Redirects curl and mosquitto's clients from the addresses of the tour to this server. */
function directTools(home: string, { http, mqtt }: { http: string; mqtt: string }): void {
  writeFileSync(join(home, ".curlrc"), `connect-to = "127.0.0.1:8080:127.0.0.1:${http}"\n`);
  for (const client of ["mosquitto_pub", "mosquitto_rr", "mosquitto_sub"]) {
    writeFileSync(join(home, ".config", client), `-h 127.0.0.1\n-p ${mqtt}\n`);
  }
}

/**
 * The README's output as a pattern. Blanks and line ends are ignored. `"5f0e…"` is any UUID, `…` at the end of a word
 * or number any continuation, and alone any text.
 */
function patternOf(shown: string): RegExp {
  const pattern = shown
    .replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
    .replace(/"[0-9a-f]{4}…"/g, '"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"')
    .replace(/[\w+/\\.-]+…/g, '[^",}\\]]+')
    .replaceAll("…", ".*")
    .replace(/\s+/g, "");
  return new RegExp(`^${pattern}$`);
}

/**
 * A bash that ends at the first command that fails, unlike a reader's, and that mixes stderr into its output, like a
 * reader's.
 */
function openShell(cwd: string, env: Record<string, string | undefined>) {
  const child = Bun.spawn(["bash", "--noprofile", "--norc", "-e"], {
    cwd,
    env,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    detached: true, // a process group of its own, so that the server ends with it
  });
  const end = () => process.kill(-child.pid, "SIGKILL");
  const deadline = setTimeout(end, DEADLINE_MS);
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  child.stdin.write("exec 2>&1\n");
  return {
    /**
     * The output of the commands, once they are done and the expected text was printed: a server in the background
     * needs a moment.
     */
    async paste(commands: string, seen: (printed: string) => boolean): Promise<string> {
      child.stdin.write(`${commands}printf '${END}'\n`);
      await child.stdin.flush();
      const awaited = commands.includes(" &\n");
      let printed = "";
      while (!printed.includes(END) || (awaited && !seen(printed.replace(END, "")))) {
        const { value, done } = await reader.read();
        if (done) return `${printed.replace(END, "")}\n(the shell ended here)`;
        printed += decoder.decode(value, { stream: true });
      }
      return printed.replace(END, "");
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(deadline);
      end();
      await child.exited;
    },
  };
}
