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

/** Every setting: its variable is `TWINPOST_` and the name in capitals; its flag is `--` and the name with hyphens. */
const SETTINGS = {
  data_dir: z.string().min(1).default("./twinpost-data"),
  http: HostPortOrOff.prefault("127.0.0.1:8080"),
  https: HostPortOrOff.prefault("off"),
  admin: HostPort.optional(),
  mqtt: HostPortOrOff.prefault("127.0.0.1:1883"),
  mqtts: HostPortOrOff.prefault("off"),
  tls_cert: z.string().optional(),
  tls_key: z.string().optional(),
  /** A payload of 4 MiB, the vendor's limit, plus room for topic and properties. Below 1024 not even a CONNECT fits. */
  mqtt_packet_bytes: wholeNumber(1024, 268_435_455).prefault(String(4 * 1024 * 1024 + 64 * 1024)),
  mqtt_connections: wholeNumber(1, 1_000_000).prefault("20000"),
  /** Megabytes. The default is an eighth of the memory of the machine or control group, at most 128. */
  mqtt_memory: wholeNumber(8, 1_000_000).optional(),
  mqtt_messages_per_second: wholeNumber(0, 1_000_000).prefault("0"),
  /** Seconds. A client that vanishes is noticed within 1.5 times this; the protocol's field has two bytes. */
  mqtt_keep_alive: wholeNumber(1, 65_535).prefault("3600"),
  mqtt_plan_limits: Switch.prefault("off"),
  mqtt_versions: MqttLevels.prefault("3,4,5"),
  public_url: PublicUrl.optional(),
  cors: Origins.prefault(""),
  trusted_proxies: Cidrs.prefault(""),
  client_address_header: HeaderName.optional(),
  webhook_allow: Cidrs.prefault(""),
  dns: NameServers.prefault(""),
  journal_keep: Duration.prefault("90D"),
  /** The vendor's SDK accepts only this format. */
  region: z
    .string()
    .regex(/^[a-z]{2}-[a-z]{3}$/, "must be two letters, a dash and three letters, such as fr-par")
    .default("fr-par"),
  document_bytes: wholeNumber(1, 4 * 1024 * 1024).prefault("1048576"),
  document_depth: wholeNumber(1, 500).prefault("64"),
  documents_per_twin: wholeNumber(1, 10_000).prefault("100"),
  deliveries_keep: Duration.prefault("30D"),
  backup_cron: Cron.optional(),
  backup_dir: z.string().optional(),
  backup_keep: wholeNumber(1, 10_000).prefault("7"),
  log: z.enum(LOG_LEVELS).default("info"),
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

/** The flags that are settings, which the command line accepts: `data-dir`, `http`, … */
export const CONFIG_FLAGS = Object.keys(SETTINGS).map((name) => name.replaceAll("_", "-"));

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
    const value = flags[name.replaceAll("_", "-")] ?? env[variableOf(name)];
    if (value) given[name] = value;
  }
  const parsed = Settings.safeParse(given);
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map((issue) => `${variableOf(String(issue.path[0]))}: ${issue.message}`);
  throw new ConfigError(complaints.join("\n"));
}

const variableOf = (name: string) => `TWINPOST_${name.toUpperCase()}`;
