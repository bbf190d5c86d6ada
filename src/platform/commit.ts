import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Put in by the build; from source there is no such name. */
declare const TWINPOST_COMMIT: string;

/** The commit that this program was made of, with `-dirty` if something was changed since, or undefined if nobody knows. */
export const commit = (): string | undefined =>
  typeof TWINPOST_COMMIT === "string" ? TWINPOST_COMMIT || undefined : gitCommit(join(import.meta.dirname, "../.."));

export function gitCommit(root: string): string | undefined {
  // A clone of ours, not a repository of somebody else's further up that has this program in it.
  if (!existsSync(join(root, ".git"))) return undefined;
  try {
    const args = ["-C", root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim() || undefined;
  } catch {
    return undefined;
  }
}
