import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { type Config, ConfigError } from "../config.ts";
import type { TlsPair } from "../platform/tls.ts";

export type TlsFiles = NonNullable<Config["tls"]>;

/** Reads both files without checking their contents. Throws a `ConfigError` if they cannot be read. */
export const readTlsFiles = ({ certPath, keyPath }: TlsFiles): TlsPair => ({
  certPem: read("TWINPOST_TLS_CERT", certPath),
  keyPem: read("TWINPOST_TLS_KEY", keyPath),
});

/**
 * When the certificate expires. Throws a `ConfigError` unless the file is complete, with its chain, and the key
 * matches.
 */
export function endOfCertificate({ certPath, keyPath }: TlsFiles, { certPem, keyPem }: TlsPair): number {
  const [certificate] = parse("TWINPOST_TLS_CERT", certPath, "certificate", () => parseChain(certPem));
  const key = parse<KeyObject>("TWINPOST_TLS_KEY", keyPath, "private key", () => createPrivateKey(keyPem));
  if (!certificate.checkPrivateKey(key)) {
    throw new ConfigError(`TWINPOST_TLS_KEY: ${keyPath} is not the key of the certificate in ${certPath}`);
  }
  try {
    createSecureContext({ cert: certPem, key: keyPem });
  } catch (cause) {
    throw new ConfigError(`TWINPOST_TLS_CERT: TLS cannot use ${certPath} with ${keyPath}: ${cause}`, { cause });
  }
  return Date.parse(certificate.validTo);
}

const END = "-----END CERTIFICATE-----";

/**
 * Parses every certificate of a file. The runtimes check only the first, and a file that is being written may be cut
 * off after it.
 */
function parseChain(certPem: string): [X509Certificate, ...X509Certificate[]] {
  const [first = "", ...others] = certPem.split(END);
  const rest = others.pop();
  if (rest === undefined || rest.includes("-----")) throw new Error("the last certificate is incomplete");
  const parsed = (pem: string) => new X509Certificate(pem + END);
  return [parsed(first), ...others.map(parsed)];
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
