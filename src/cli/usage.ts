import { parseArgs } from "node:util";
import { CONFIG_FLAGS, describeSettings } from "../config.ts";

/** The command line is wrong; the message says how. Exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Every command as it is called, and what it does: for `--help` and for the documentation. */
const COMMANDS: readonly [call: string, description: string][] = [
  ["serve", "start everything"],
  ["account create --name NAME [--json]", "create an account and its first user; safe beside a running server"],
  ["secret reset --user UUID [--json]", "give a locked-out user a new secret"],
  ["backup FILE [--without-key]", "copy database and master key into one file; safe beside a running server"],
  ["restore FILE [--key FILE] [--force]", "put a backup into the data directory; no server may run there"],
  ["check [FILE]", "look for damage in the database, or in a backup; safe beside a running server"],
  [
    "export --account UUID [FILE] [--passphrase-file FILE]",
    "write an account as lines of JSON; safe beside a running server",
  ],
  [
    "import [FILE] [--passphrase-file FILE]",
    "read such lines into a data directory without accounts; no server may run there",
  ],
  ["help [PAGE]", "list the pages of the manual, or print one"],
  ["--help | --version", "print this text, or what this program is"],
];

const CALL_WIDTH = 36;

/** The commands, one a line; a long call has its description on the next. */
export const describeCommands = (): string =>
  COMMANDS.map(([call, description]) => {
    const gap = call.length > CALL_WIDTH ? `\n${" ".repeat("twinpost ".length + CALL_WIDTH)}` : "";
    return `twinpost ${call.padEnd(CALL_WIDTH)}${gap} ${description}\n`;
  }).join("");

/** What `--help` prints. */
export function describeUsage(): string {
  const settings = describeSettings();
  const widthOf = (member: "flag" | "variable") => Math.max(...settings.map((setting) => setting[member].length));
  const [flagWidth, variableWidth] = [widthOf("flag"), widthOf("variable")];
  const lines = settings.map(
    ({ flag, variable, fallback, description }) =>
      `  ${flag.padEnd(flagWidth)}  ${variable.padEnd(variableWidth)}  ${description} (${fallback})\n`,
  );
  return `Twinpost keeps digital twins that organisations and devices share.

${describeCommands().replace(/^/gm, "  ").trimEnd()}

Settings, each a flag or an environment variable:

${lines.join("")}`;
}

/** A parsed command line: its words, its options, and the flags that are settings. */
export type Arguments = {
  words: string[];
  options: {
    help?: boolean;
    version?: boolean;
    name?: string;
    user?: string;
    json?: boolean;
    "without-key"?: boolean;
    key?: string;
    force?: boolean;
    account?: string;
    "passphrase-file"?: string;
  };
  flags: Record<string, string>;
};

const OWN_OPTIONS = {
  help: { type: "boolean" },
  version: { type: "boolean" },
  name: { type: "string" },
  user: { type: "string" },
  json: { type: "boolean" },
  "without-key": { type: "boolean" },
  key: { type: "string" },
  force: { type: "boolean" },
  account: { type: "string" },
  "passphrase-file": { type: "string" },
} as const;

/** The operands after the command: exactly one for each name here, except that the last may be optional. */
export function operandsOf(
  { words }: Arguments,
  command: string,
  names: readonly string[],
  optional = false,
): string[] {
  const given = words.slice(command.split(" ").length);
  const least = optional ? names.length - 1 : names.length;
  if (given.length < least) throw new UsageError(`${command} needs ${names[given.length]}`);
  if (given.length > names.length)
    throw new UsageError(`${command} does not know what to do with "${given[names.length]}"`);
  return given;
}

export function parseArguments(argv: string[]): Arguments {
  const settings = Object.fromEntries(CONFIG_FLAGS.map((flag) => [flag, { type: "string" as const }]));
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { ...settings, ...OWN_OPTIONS },
    });
    const flags = Object.entries(values).filter(([name]) => CONFIG_FLAGS.includes(name));
    return { words: positionals, options: values, flags: Object.fromEntries(flags) as Record<string, string> };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
