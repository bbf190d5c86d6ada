import { readFileSync } from "node:fs";
import { PlainError, toldPlainly } from "../kernel/plain-error.ts";

/**
 * Reads the first line of the file that `--passphrase-file` names: a passphrase on the command line would be visible to
 * every user of the machine.
 */
export function readPassphrase(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw toldPlainly(`cannot read ${file}`, error);
  }
  const [passphrase = ""] = text.split(/\r?\n/);
  if (passphrase === "") throw new PlainError(`${file} has no passphrase in its first line`);
  return passphrase;
}
