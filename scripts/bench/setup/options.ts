import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SOURCE } from "../../../test/support/process/server-process.ts";

const HTTP_ROW_NAMES = [
  "whoami",
  "get_twin",
  "update_twin",
  "scan_twins",
  "scan_twins_match_twin",
  "scan_twins_match_ledger",
  "get_twin_ledger_entry",
  "update_twin_ledger_entry_value",
  "get_document",
  "put_document",
  "patch_document",
] as const;
export type HttpRowName = (typeof HTTP_ROW_NAMES)[number];

const MQTT_ROW_NAMES = [
  "mqtt_put",
  "mqtt_publish_qos0",
  "mqtt_publish_qos1",
  "mqtt_fan_out",
  "mqtt_connect",
  "mqtt_latency_qos0",
  "mqtt_latency_qos1",
  "mqtt_idle",
] as const;
export type MqttRowName = (typeof MQTT_ROW_NAMES)[number];

const ROW_NAMES = ["start", "store", ...HTTP_ROW_NAMES, "deliveries", ...MQTT_ROW_NAMES] as const;
type RowName = (typeof ROW_NAMES)[number];

export type Options = {
  rows: ReadonlySet<RowName>;
  /** The numbers of stored twins, fewest first: later ones are compared with the first. */
  sizes: readonly number[];
  /** The measured time of a round. */
  seconds: number;
  rounds: number;
  /** The command that starts the server. */
  program: readonly string[];
  json: boolean;
  /** The length of the soak; without it rows are measured. */
  soakMinutes?: number;
  /** Measures floods beside a quiet neighbour instead of rows: those whose names contain one of these texts. */
  floods?: readonly string[];
  /** The page to write the figures to. */
  page?: string;
};

/** What complete runs of `bun run bench` and `bun run bench soak` write. */
const PAGE = join(import.meta.dir, "../RESULTS.md");

const USAGE = `usage: bun run bench [${ROW_NAMES.join("|")} ...]
       bun run bench soak [--minutes M]
       bun run bench neighbours [FLOOD ...] [--seconds S]
  --twins N,N      twins stored (10000,1000000)
  --seconds S      measured time of a round (4)
  --rounds N       rounds of floor and product in turn (3)
  --program FILE   a built server instead of the source, such as dist/twinpost
  --json           a JSON document instead of the table
  --minutes M      of the soak (10)
  --page FILE      the page to write to; a complete run, or soak, writes to
                   scripts/bench/RESULTS.md unless given, and a shorter one to none
`;

/** Throws an error whose message, with the usage, is for the user of the command. */
export function parseOptions(args: string[]): Options {
  try {
    return parse(args);
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : cause}\n${USAGE}`, { cause });
  }
}

export const describeProgram = (program: readonly string[]) =>
  program === SOURCE ? "from source" : `the built file ${basename(program[0] as string)}`;

/** The executable made by `bun run build`, if it exists. */
export function builtProgram(): readonly string[] | undefined {
  const file = join(import.meta.dir, "../../../dist/twinpost");
  return existsSync(file) ? [file] : undefined;
}

const DEFAULTS = { twins: "10000,1000000", seconds: "4", rounds: "3", minutes: "10" };

function parse(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      twins: { type: "string", default: DEFAULTS.twins },
      seconds: { type: "string", default: DEFAULTS.seconds },
      rounds: { type: "string", default: DEFAULTS.rounds },
      minutes: { type: "string", default: DEFAULTS.minutes },
      page: { type: "string" },
      program: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const [mode, ...floods] = positionals;
  const isSoak = mode === "soak" && floods.length === 0;
  const neighbours = mode === "neighbours";
  const rows = isSoak || neighbours ? [] : positionals.length > 0 ? positionals.map(rowName) : ROW_NAMES;
  const measured = isSoak ? (["minutes"] as const) : (["twins", "seconds", "rounds"] as const);
  const isComplete =
    (isSoak || (neighbours && floods.length === 0) || positionals.length === 0) &&
    measured.every((name) => values[name] === DEFAULTS[name]);
  const page = values.page === undefined ? (isComplete ? PAGE : undefined) : resolve(values.page);
  return {
    ...(isSoak && { soakMinutes: positive(values.minutes) }),
    ...(page !== undefined && { page }),
    ...(neighbours && { floods: floods.length > 0 ? floods : [""] }),
    rows: new Set(rows),
    sizes: values.twins
      .split(",")
      .map(positive)
      .toSorted((a, b) => a - b),
    seconds: positive(values.seconds),
    rounds: Math.ceil(positive(values.rounds)),
    program: values.program === undefined ? SOURCE : [executable(values.program)],
    json: values.json,
  };
}

function rowName(text: string): RowName {
  const name = ROW_NAMES.find((known) => known === text);
  if (!name) throw new Error(`there is no row ${text}`);
  return name;
}

function positive(text: string): number {
  const value = Number(text.replaceAll("_", ""));
  if (!(value > 0)) throw new Error(`${text} is not a positive number`);
  return value;
}

function executable(file: string): string {
  // The server's working directory is its data directory.
  if (!existsSync(file)) throw new Error(`there is no ${file}; build it with: bun run build`);
  return resolve(file);
}
