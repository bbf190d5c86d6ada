import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { type Address, formatAddress } from "./kernel/address.ts";
import { DURATION, durationMs } from "./kernel/duration.ts";
import { LOG_LEVELS } from "./kernel/log.ts";

export type Cidr = [ipaddr.IPv4 | ipaddr.IPv6, number];

const HostPort = z.string().transform((text, context): Address => {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const bare = host?.replace(/^\[(.+)\]$/, "$1");
  if (!bare || Number(port) > 65_535 || (bare.includes(":") && !isIP(bare))) {
    context.issues.push({ code: "custom", input: text, message: "must be host:port, such as 127.0.0.1:8080" });
    return z.NEVER;
  }
  return { host: bare, port: Number(port) };
});

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

/** Every setting: its variable is `TWINPOST_` and the name in capitals, its flag `--` and the name with hyphens. */
const SETTINGS = {
  data_dir: z.string().min(1).default("./twinpost-data"),
  http: HostPort.prefault("127.0.0.1:8080"),
  public_url: PublicUrl.optional(),
  cors: Origins.prefault(""),
  trusted_proxies: Cidrs.prefault(""),
  webhook_allow: Cidrs.prefault(""),
  journal_keep: Duration.prefault("90D"),
  /** The vendor's SDK takes no other shape of it. */
  region: z
    .string()
    .regex(/^[a-z]{2}-[a-z]{3}$/, "must be two letters, a dash and three letters, such as fr-par")
    .default("fr-par"),
  document_bytes: wholeNumber(1, 4 * 1024 * 1024).prefault("1048576"),
  document_depth: wholeNumber(1, 500).prefault("64"),
  documents_per_twin: wholeNumber(1, 10_000).prefault("100"),
  deliveries_keep: Duration.prefault("30D"),
  log: z.enum(LOG_LEVELS).default("info"),
};

const Settings = z.object(SETTINGS).transform((settings) => ({
  dataDir: settings.data_dir,
  http: settings.http,
  /** Base of every link we hand out, without a slash at its end. */
  publicUrl: settings.public_url ?? `http://${formatAddress(settings.http)}`,
  corsOrigins: settings.cors,
  trustedProxies: settings.trusted_proxies,
  /** The `{region}` of the hub API. */
  region: settings.region,
  /** What a document's data may take as JSON text, how deep it may nest, and how many a twin may have. */
  documentBytesMax: settings.document_bytes,
  documentDepthMax: settings.document_depth,
  documentsPerTwinMax: settings.documents_per_twin,
  webhookAllow: settings.webhook_allow,
  /** Never less than deliveries are kept: they tell of what stands there. */
  journalKeepMs: Math.max(settings.journal_keep, settings.deliveries_keep),
  deliveriesKeepMs: settings.deliveries_keep,
  logLevel: settings.log,
}));

export type Config = z.infer<typeof Settings>;

/** The flags that stand for settings, for the command line to accept: `data-dir`, `http`, … */
export const CONFIG_FLAGS = Object.keys(SETTINGS).map((name) => name.replaceAll("_", "-"));

/** A setting has a wrong value; the message names each by variable and flag. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** The configuration from flags, which win, and environment variables. An empty value counts as none. */
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
