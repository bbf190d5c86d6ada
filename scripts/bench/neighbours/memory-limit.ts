import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";

/** A command prefix that limits its memory; the system ends the command if it takes more. */
type MemoryLimit = { prefix: string[] } & AsyncDisposable;

/** A control group with this much memory, of either version; undefined if none can be made, since it takes root. */
export function limitMemory(bytes: number): MemoryLimit | undefined {
  const isVersion2 = existsSync(join(ROOT, "cgroup.controllers"));
  const group = join(ROOT, ...(isVersion2 ? [] : ["memory"]), `twinpost-${process.pid}`);
  try {
    mkdirSync(group);
    writeFileSync(join(group, isVersion2 ? "memory.max" : "memory.limit_in_bytes"), String(bytes));
  } catch {
    return undefined;
  }
  return {
    prefix: ["sh", "-c", `echo $$ > ${group}/cgroup.procs && exec "$@"`, "sh"],
    async [Symbol.asyncDispose]() {
      // Its last process may need a moment to exit.
      for (let tries = 0; tries < 50; tries++) {
        try {
          rmdirSync(group);
          return;
        } catch {
          await Bun.sleep(20);
        }
      }
    },
  };
}
