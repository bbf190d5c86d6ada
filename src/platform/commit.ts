import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Defined by the build; undeclared when run from source. */
declare const TWINPOST_COMMIT: string;

/** The commit that this program was built from, with `-dirty` for uncommitted changes, or undefined if unknown. */
export const commit = (): string | undefined =>
  typeof TWINPOST_COMMIT === "string" ? TWINPOST_COMMIT || undefined : gitCommit(join(import.meta.dirname, "../.."));

export function gitCommit(root: string): string | undefined {
  // Only a clone of this repository: a parent folder may belong to another repository that contains this program.
  if (!existsSync(join(root, ".git"))) return undefined;
  try {
    const args = ["-C", root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim() || undefined;
  } catch {
    return undefined;
  }
}
