import { isIP } from "node:net";
import { totalmem } from "node:os";
import { parseCronExpression } from "cron-schedule";
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { type Address, type Cidr, formatAddress } from "./kernel/address.ts";
import { DURATION, durationMs } from "./kernel/duration.ts";
import { LOG_LEVELS } from "./kernel/log.ts";

const HostPort = z.string().transform((text, context): Address => {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const bare = host?.replace(/^\[(.+)\]$/, "$1");
  if (!bare || Number(port) > 65_535 || (bare.includes(":") && !isIP(bare))) {
    context.issues.push({ code: "custom", input: text, message: "must be host:port, such as 127.0.0.1:8080" });
    return z.NEVER;
  }
  return { host: bare, port: Number(port) };
});

/** An address to listen on, or `off`. */
const HostPortOrOff = z.union([z.literal("off").transform(() => null), HostPort]);

const Duration = z
  .string()
  .regex(DURATION, "must be a number of 1 to 3 digits and D, W, M or Y, such as 90D, or INF")
  .transform(durationMs);

const commaSeparated = (text: string) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

const Cidrs = z.string().transform((text, context): Cidr[] => {
  try {
    return commaSeparated(text).map((part) => ipaddr.parseCIDR(part));
  } catch {
    context.issues.push({
      code: "custom",
      input: text,
      message: "must be address ranges, such as 10.0.0.0/8,fd00::/8",
    });
    return z.NEVER;
  }
});

const NAME_SERVER = /^(?:\[([\d:a-f]+)\]|([^\s[\]:]+))(?::(\d{1,5}))?$/i;
const isNameServer = (text: string) => {
  const [, six, four, port] = NAME_SERVER.exec(text) ?? [];
  return isIP(text) > 0 || (isIP(six ?? four ?? "") > 0 && Number(port ?? 1) >= 1 && Number(port ?? 1) <= 65_535);
};
const NameServers = z
  .string()
  .transform(commaSeparated)
  .refine(
    (servers) => servers.every(isNameServer),
    "must be addresses, such as 9.9.9.9,10.0.0.2:5353,[2620:fe::fe]:53",
  );

/**
 * An HTTP field name (RFC 9110, 5.6.2). `X-Forwarded-For`, which every proxy appends to, is read without being
 * configured.
 */
const HeaderName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be the name of a header, such as Fly-Client-IP")
  .refine((name) => name.toLowerCase() !== "x-forwarded-for", "is X-Forwarded-For already, unless it names another")
  .transform((name) => name.toLowerCase());

const isOrigin = (text: string) => text === "*" || (URL.canParse(text) && new URL(text).origin === text);
const Origins = z
  .string()
  .transform(commaSeparated)
  .refine((origins) => origins.every(isOrigin), "must be origins, such as https://app.example.com, or *");

const isPublicUrl = (text: string) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
const PublicUrl = z
  .string()
  .refine(isPublicUrl, "must be an http or https URL")
  .transform((text) => text.replace(/\/+$/, ""));

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be a whole number from ${least} to ${most}`);

const Switch = z.enum(["on", "off"], "must be on or off").transform((value) => value === "on");

const MQTT_LEVELS = [3, 4, 5] as const;
const MqttLevels = z
  .string()
  .regex(/^[345](,[345])*$/, "must be protocol levels, comma separated: 3 (MQTT 3.1), 4 (3.1.1), 5 (5.0)")
  .transform((text) => MQTT_LEVELS.filter((level) => text.includes(String(level))));

const isCron = (text: string) => {
  try {
    parseCronExpression(text);
    return true;
  } catch {
    return false;
  }
};
const Cron = z.string().refine(isCron, "must be a cron expression, such as 30 3 * * *");

/**
 * Every setting, in the order of the documentation: its variable is `TWINPOST_` and the name in capitals, its flag `--` and the name with
 * hyphens. `--help` and the page on configuration are written from this table: the default, or what holds without one, and one sentence.
 */
const SETTINGS = {
  data_dir: z.string().min(1).default("./twinpost-data").describe("folder of the database and its keys"),
  http: HostPortOrOff.prefault("127.0.0.1:8080").describe("address of the REST API and of MQTT over WebSocket, or off"),
  https: HostPortOrOff.prefault("off").describe("address of the same over TLS (1.2 and 1.3), or off"),
  admin: HostPort.optional().meta({
    fallback: "where REST is",
    description: "address (host:port) of health and metrics, and nothing else",
  }),
  mqtt: HostPortOrOff.prefault("127.0.0.1:1883").describe("address of MQTT over TCP, or off"),
  mqtts: HostPortOrOff.prefault("off").describe(
    "address of MQTT over TLS (1.2 and 1.3), with or without a certificate of the client, or off",
  ),
  tls_cert: z
    .string()
    .optional()
    .meta({ fallback: "none", description: "PEM file of the certificate for TLS, with its chain" }),
  tls_key: z.string().optional().meta({ fallback: "none", description: "PEM file of the key of that certificate" }),
  /** A payload of 4 MiB, the vendor's limit, plus room for topic and properties. Below 1024 not even a CONNECT fits. */
  mqtt_packet_bytes: wholeNumber(1024, 268_435_455)
    .prefault(String(4 * 1024 * 1024 + 64 * 1024))
    .describe("largest packet of a device: a payload of 4 MiB, its topic and properties"),
  mqtt_connections: wholeNumber(1, 1_000_000)
    .prefault("20000")
    .describe("connections of devices at a time, over all listeners; one account has at most half of them"),
  mqtt_memory: wholeNumber(8, 1_000_000).optional().meta({
    fallback: "128, on a small machine less",
    description: "megabytes for devices' sessions, subscriptions and messages that wait in memory",
  }),
  mqtt_messages_per_second: wholeNumber(0, 1_000_000)
    .prefault("0")
    .describe("messages that a device may publish a second; 0 for no limit"),
  /** A client that vanishes is noticed within 1.5 times this; the protocol's field has two bytes. */
  mqtt_keep_alive: wholeNumber(1, 65_535)
    .prefault("3600")
    .describe("longest keep alive of an MQTT 5 device, in seconds; one that asks for more, or for none, is told this"),
  mqtt_plan_limits: Switch.prefault("off").describe(
    "on: hubs with the shared plan restrict their devices as the original does",
  ),
  mqtt_versions: MqttLevels.prefault("3,4,5").describe(
    "protocol levels that are spoken: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0",
  ),
  public_url: PublicUrl.optional().meta({
    fallback: "the HTTPS address, else the HTTP address",
    description: "base of every link that is handed out",
  }),
  cors: Origins.prefault("").meta({ fallback: "none", description: "origins whose pages may call, comma separated" }),
  trusted_proxies: Cidrs.prefault("").meta({
    fallback: "none",
    description: "address ranges (CIDR, comma separated) whose X-Forwarded-For is believed",
  }),
  client_address_header: HeaderName.optional().meta({
    fallback: "none",
    description: "header in which these proxies name the client, such as Fly-Client-IP",
  }),
  webhook_allow: Cidrs.prefault("").meta({
    fallback: "none",
    description: "address ranges (CIDR, comma separated) that webhooks may reach although they are not public",
  }),
  dns: NameServers.prefault("").meta({
    fallback: "the system's",
    description: "DNS servers, comma separated, that look up the host names of webhooks",
  }),
  journal_keep: Duration.prefault("90D").describe(
    "how long the journal is kept: 90D, 12W, 6M, 1Y or INF; never less than deliveries",
  ),
  deliveries_keep: Duration.prefault("30D").describe(
    "how long webhook deliveries and their attempts are kept, in the same units",
  ),
  /** The vendor's SDK accepts only this format. */
  region: z
    .string()
    .regex(/^[a-z]{2}-[a-z]{3}$/, "must be two letters, a dash and three letters, such as fr-par")
    .default("fr-par")
    .describe("region in the paths of the hub API"),
  document_bytes: wholeNumber(1, 4 * 1024 * 1024)
    .prefault("1048576")
    .describe("largest document, in bytes of JSON text; at most 4 MiB"),
  document_depth: wholeNumber(1, 500).prefault("64").describe("levels that a document may nest"),
  documents_per_twin: wholeNumber(1, 10_000).prefault("100").describe("documents that a twin may have"),
  backup_cron: Cron.optional().meta({
    fallback: "never",
    description: "when the server makes backups, as a cron expression in local time",
  }),
  backup_dir: z
    .string()
    .optional()
    .meta({ fallback: "none", description: "folder for these backups; goes with the schedule" }),
  backup_keep: wholeNumber(1, 10_000).prefault("7").describe("number of these backups that are kept"),
  log: z.enum(LOG_LEVELS).default("info").describe("debug, info, warn, error or silent; JSON lines on standard error"),
};

const NEEDS_CERTIFICATE = "needs a certificate and its key: TWINPOST_TLS_CERT and TWINPOST_TLS_KEY";
const hasCertificate = (given: { tls_cert?: string | undefined; tls_key?: string | undefined }) =>
  Boolean(given.tls_cert && given.tls_key);

const CompleteSettings = z
  .object(SETTINGS)
  .refine((given) => given.http || given.https, {
    path: ["http"],
    message: "is off, and so is TWINPOST_HTTPS: at least one of them is required",
  })
  .refine((given) => !given.https || hasCertificate(given), { path: ["https"], message: NEEDS_CERTIFICATE })
  .refine((given) => !given.mqtts || hasCertificate(given), { path: ["mqtts"], message: NEEDS_CERTIFICATE })
  .refine((given) => !given.client_address_header || given.trusted_proxies.length > 0, {
    path: ["client_address_header"],
    message: "is believed from trusted proxies only: name them in TWINPOST_TRUSTED_PROXIES",
  })
  .refine((given) => !given.backup_cron === !given.backup_dir, {
    path: ["backup_cron"],
    message: "needs a folder for the backups, TWINPOST_BACKUP_DIR; set both or neither",
  });

const Settings = CompleteSettings.transform((settings) => ({
  dataDir: settings.data_dir,
  /** Where REST and MQTT over WebSocket are served; null for nowhere. At least one of `http` and `https` is set. */
  http: settings.http,
  https: settings.https,
  /** Where health and metrics are served, and only there; null to serve them with REST. */
  admin: settings.admin ?? null,
  /** Where devices connect by TCP and TLS; null for nowhere. */
  mqtt: settings.mqtt,
  mqtts: settings.mqtts,
  /** The files of the certificate and its key; null without TLS. */
  tls:
    settings.https || settings.mqtts
      ? { certPath: settings.tls_cert as string, keyPath: settings.tls_key as string }
      : null,
  /** The largest packet of a device, including its fixed header. */
  mqttPacketBytesMax: settings.mqtt_packet_bytes,
  /** Device connections at a time, over all listeners. */
  mqttConnectionsMax: settings.mqtt_connections,
  /** Memory for all devices: their sessions, subscriptions, and queued messages in both directions. */
  mqttMemoryBytes: settings.mqtt_memory === undefined ? mqttMemoryDefault() : settings.mqtt_memory * MB,
  /** Messages that one device may publish per second; null for no limit. */
  mqttMessagesPerSecondMax: settings.mqtt_messages_per_second || null,
  /** The longest keep alive; MQTT 5 clients that ask for a longer one, or none, receive this as Server Keep Alive. */
  mqttKeepAliveMaxS: settings.mqtt_keep_alive,
  /** Whether a hub's plan limits its devices as the vendor's shared plan does. */
  mqttPlanLimits: settings.mqtt_plan_limits,
  /** The accepted MQTT protocol levels. */
  mqttLevels: settings.mqtt_versions,
  /** The base of every link that the server sends, without a trailing slash. */
  publicUrl: settings.public_url ?? ownUrl(settings),
  corsOrigins: settings.cors,
  trustedProxies: settings.trusted_proxies,
  /** The header in which trusted proxies name the client, in lower case; null for `X-Forwarded-For`. */
  clientAddressHeader: settings.client_address_header ?? null,
  /** The `{region}` of the hub API. */
  region: settings.region,
  /**
   * Limits of a document: the size of its data as JSON text, its nesting depth, and the number of documents of a twin.
   */
  documentBytesMax: settings.document_bytes,
  documentDepthMax: settings.document_depth,
  documentsPerTwinMax: settings.documents_per_twin,
  webhookAllow: settings.webhook_allow,
  /** The DNS servers for webhooks' host names; empty for the system's. */
  dnsServers: settings.dns,
  /** Never less than deliveries are kept, because they refer to journal rows. */
  journalKeepMs: Math.max(settings.journal_keep, settings.deliveries_keep),
  deliveriesKeepMs: settings.deliveries_keep,
  /** Null unless backups are scheduled. */
  backups:
    settings.backup_cron && settings.backup_dir
      ? { schedule: settings.backup_cron, dir: settings.backup_dir, keep: settings.backup_keep }
      : null,
  logLevel: settings.log,
}));

const MB = 1024 * 1024;

function mqttMemoryDefault(): number {
  const limit = process.constrainedMemory?.() || totalmem();
  return Math.min(128, Math.max(8, Math.floor(Math.min(limit, totalmem()) / 8 / MB))) * MB;
}

/** Links lead to HTTPS where it is configured. */
const ownUrl = ({ http, https }: z.infer<typeof CompleteSettings>): string =>
  https ? `https://${formatAddress(https)}` : `http://${formatAddress(http as Address)}`;

export type Config = z.infer<typeof Settings>;

/** Every setting as `--help` and the documentation describe it. */
export const describeSettings = () =>
  Object.entries(SETTINGS).map(([name, schema]) => ({
    flag: `--${flagOf(name)}`,
    variable: variableOf(name),
    fallback:
      String("defaultValue" in schema.def ? schema.def.defaultValue : "") || String(schema.meta()?.["fallback"]),
    description: String(schema.description),
  }));

const flagOf = (name: string) => name.replaceAll("_", "-");

/** The flags that are settings, which the command line accepts: `data-dir`, `http`, … */
export const CONFIG_FLAGS = Object.keys(SETTINGS).map(flagOf);

/** A setting has a wrong value; the message names each by variable and flag. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Loads the configuration from flags, which take precedence, and environment variables. An empty value counts as unset.
 */
export function loadConfig(flags: Readonly<Record<string, string>> = {}, env: NodeJS.ProcessEnv = process.env): Config {
  const given: Record<string, string> = {};
  for (const name of Object.keys(SETTINGS)) {
    const value = flags[flagOf(name)] ?? env[variableOf(name)];
    if (value) given[name] = value;
  }
  const parsed = Settings.safeParse(given);
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map((issue) => `${variableOf(String(issue.path[0]))}: ${issue.message}`);
  throw new ConfigError(complaints.join("\n"));
}

const variableOf = (name: string) => `TWINPOST_${name.toUpperCase()}`;
