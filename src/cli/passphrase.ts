import { readFileSync } from "node:fs";
import { OperatorError, toOperatorError } from "../kernel/operator-error.ts";

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
    throw toOperatorError(`cannot read ${file}`, error);
  }
  const [passphrase = ""] = text.split(/\r?\n/);
  if (passphrase === "") throw new OperatorError(`${file} has no passphrase in its first line`);
  return passphrase;
}
