import { existsSync, linkSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { PlainError } from "../../kernel/plain-error.ts";
import { hasCode, syncDirectory } from "./files.ts";

/** Refuses a name that is taken. */
export function assertNew(file: string): void {
  if (existsSync(file)) throw new PlainError(`${file} exists already, and is never overwritten`);
}

/** Gives a draft that is whole and on disk its name, unless somebody else has taken that meanwhile. */
export function placeNew(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    if (hasCode(error, "EEXIST")) throw new PlainError(`${file} exists already, and is never overwritten`);
    assertNew(file);
    // Some file systems know no second name for a file.
    renameSync(draft, file);
  }
  syncDirectory(dirname(file));
}
