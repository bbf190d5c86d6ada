import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Config, ConfigError } from "../config.ts";

export type TlsFiles = { certPem: string; keyPem: string };

/** The certificate and key for MQTT over TLS, if that is asked for. Throws a `ConfigError` unless they are there and belong together. */
export function readTlsFiles({ mqtts }: Pick<Config, "mqtts">): TlsFiles | null {
  if (!mqtts) return null;
  const certPem = read("TWINPOST_TLS_CERT", mqtts.certPath);
  const keyPem = read("TWINPOST_TLS_KEY", mqtts.keyPath);
  const certificate = parse("TWINPOST_TLS_CERT", mqtts.certPath, "certificate", () => new X509Certificate(certPem));
  const key = parse<KeyObject>("TWINPOST_TLS_KEY", mqtts.keyPath, "private key", () => createPrivateKey(keyPem));
  if (!certificate.checkPrivateKey(key)) {
    throw new ConfigError(`TWINPOST_TLS_KEY: ${mqtts.keyPath} is not the key of the certificate in ${mqtts.certPath}`);
  }
  return { certPem, keyPem };
}

function read(variable: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? cause.code : String(cause);
    throw new ConfigError(`${variable}: cannot read ${path}: ${reason}`, { cause });
  }
}

function parse<Parsed>(variable: string, path: string, what: string, of: () => Parsed): Parsed {
  try {
    return of();
  } catch (cause) {
    throw new ConfigError(`${variable}: ${path} holds no ${what} as PEM, or one that needs a password`, { cause });
  }
}
