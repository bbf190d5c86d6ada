import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";

/** What a command begins with so that it has no more memory than this; the system ends it if it takes more. */
type MemoryLimit = { prefix: string[] } & AsyncDisposable;

/** A control group with so much memory, of either version; undefined where none can be made, which takes root. */
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
      // Its last process may need a moment to leave it.
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
