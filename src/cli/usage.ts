import { parseArgs } from "node:util";
import { CONFIG_FLAGS } from "../config.ts";

/** The command line is wrong; the message says how. Exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

export const USAGE = `Twinpost keeps digital twins that organisations and devices share.

  twinpost serve                                start everything
  twinpost account create --name NAME [--json]  create an account and its first user; safe beside a running server
  twinpost secret reset --user UUID [--json]    give a locked-out user a new secret
  twinpost backup FILE [--without-key]          copy database and master key into one file; safe beside a running server
  twinpost restore FILE [--key FILE] [--force]  put a backup into the data directory; no server may run there
  twinpost check [FILE]                         look for damage in the database, or in a backup; safe beside a running server
  twinpost export --account UUID [FILE] [--passphrase-file FILE]
                                                write an account as lines of JSON; safe beside a running server
  twinpost import [FILE] [--passphrase-file FILE]
                                                read it into a data directory without accounts; no server may run there
  twinpost --help | --version

Settings, each a flag or an environment variable:

  --data-dir                  TWINPOST_DATA_DIR                  database and keys (./twinpost-data)
  --http                      TWINPOST_HTTP                      address of the REST API, and of MQTT over WebSocket, or off (127.0.0.1:8080)
  --https                     TWINPOST_HTTPS                     address of the same over TLS, or off (off)
  --admin                     TWINPOST_ADMIN                     address of health and metrics alone (where the REST API is)
  --mqtt                      TWINPOST_MQTT                      address of MQTT over TCP, or off (127.0.0.1:1883)
  --mqtts                     TWINPOST_MQTTS                     address of MQTT over TLS, or off (off)
  --tls-cert                  TWINPOST_TLS_CERT                  file of the certificate for TLS, and its chain (PEM)
  --tls-key                   TWINPOST_TLS_KEY                   file of its key (PEM)
  --mqtt-packet-bytes         TWINPOST_MQTT_PACKET_BYTES         what an MQTT packet may take (4259840)
  --mqtt-connections          TWINPOST_MQTT_CONNECTIONS          connections of devices at a time (20000)
  --mqtt-memory               TWINPOST_MQTT_MEMORY               megabytes for what devices have in memory (128)
  --mqtt-messages-per-second  TWINPOST_MQTT_MESSAGES_PER_SECOND  what a device may publish a second, 0 for no limit (0)
  --mqtt-keep-alive           TWINPOST_MQTT_KEEP_ALIVE           longest keep alive of an MQTT 5 device, in seconds (3600)
  --mqtt-plan-limits          TWINPOST_MQTT_PLAN_LIMITS          on: a shared plan restricts its devices as the original does (off)
  --mqtt-versions             TWINPOST_MQTT_VERSIONS             protocol levels spoken: 3 (MQTT 3.1), 4 (3.1.1), 5 (5.0) (3,4,5)
  --public-url                TWINPOST_PUBLIC_URL                base of every link we hand out (https:// or http:// and the address)
  --cors                      TWINPOST_CORS                      origins whose pages may call, comma separated (none)
  --trusted-proxies           TWINPOST_TRUSTED_PROXIES           ranges whose X-Forwarded-For is believed, comma separated (none)
  --webhook-allow             TWINPOST_WEBHOOK_ALLOW             ranges that webhooks may reach although they are not public (none)
  --dns                       TWINPOST_DNS                       DNS servers that host names of webhooks are looked up at (the system's)
  --journal-keep              TWINPOST_JOURNAL_KEEP              how long the journal is kept: 90D, 12W, 6M, 1Y, INF (90D)
  --deliveries-keep           TWINPOST_DELIVERIES_KEEP           how long webhook deliveries are kept, likewise (30D)
  --region                    TWINPOST_REGION                    region in the paths of the hub API (fr-par)
  --document-bytes            TWINPOST_DOCUMENT_BYTES            what a document may take (1048576)
  --document-depth            TWINPOST_DOCUMENT_DEPTH            levels a document may nest (64)
  --documents-per-twin        TWINPOST_DOCUMENTS_PER_TWIN        documents a twin may have (100)
  --backup-cron               TWINPOST_BACKUP_CRON               when backups are made by themselves, as a cron expression (never)
  --backup-dir                TWINPOST_BACKUP_DIR                the folder that they go to
  --backup-keep               TWINPOST_BACKUP_KEEP               how many of them are kept (7)
  --log                       TWINPOST_LOG                       debug, info, warn, error or silent (info)
`;

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
