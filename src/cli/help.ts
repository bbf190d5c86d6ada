import { PAGES } from "../docs/pages.ts";
import { type Arguments, operandsOf, UsageError } from "./usage.ts";

/** `twinpost help [PAGE]` */
export function help(call: Arguments): void {
  const [name] = operandsOf(call, "help", ["PAGE"], true);
  if (name === undefined) {
    process.stdout.write(`The pages of the manual; twinpost help PAGE prints one:\n\n${listPages()}`);
    return;
  }
  const text = PAGES.get(name);
  if (text === undefined) throw new UsageError(`there is no page "${name}"; the pages are:\n\n${listPages()}`);
  process.stdout.write(text.replace(/^<!--.*-->\n\n?/gm, ""));
}

function listPages(): string {
  const width = Math.max(...[...PAGES.keys()].map((name) => name.length));
  return [...PAGES].map(([name, text]) => `  ${name.padEnd(width)}  ${titleOf(text)}\n`).join("");
}

/** The heading on a page's first line. */
const titleOf = (text: string) => text.slice("# ".length, text.indexOf("\n"));
