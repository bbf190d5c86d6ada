import { readFileSync } from "node:fs";
import { PlainError, toldPlainly } from "../kernel/plain-error.ts";

/** The first line of the file that `--passphrase-file` names: on the command line itself everybody on the machine would see it. */
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
