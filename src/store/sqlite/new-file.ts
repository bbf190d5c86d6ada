import { existsSync, linkSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { OperatorError } from "../../kernel/operator-error.ts";
import { hasErrorCode, syncDirectory } from "./files.ts";

/** Refuses a name that exists. */
export function assertNotExisting(file: string): void {
  if (existsSync(file)) throw new OperatorError(`${file} exists already, and is never overwritten`);
}

/** Gives a draft that is complete and on disk its final name, unless that name has been taken meanwhile. */
export function linkIntoPlace(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) throw new OperatorError(`${file} exists already, and is never overwritten`);
    assertNotExisting(file);
    // Some file systems do not support hard links.
    renameSync(draft, file);
  }
  syncDirectory(dirname(file));
}
