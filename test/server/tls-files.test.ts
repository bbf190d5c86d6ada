import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { ConfigError } from "../../src/config.ts";
import { endOfCertificate, readTlsFiles } from "../../src/server/tls-files.ts";
import { openAuthority } from "../support/http/certificates.ts";
import { temporaryFolder } from "../support/process/server-process.ts";

test("an unusable certificate or key is refused, and the message says which and why", async () => {
  using authority = openAuthority();
  using folder = temporaryFolder();
  const file = (name: string) => join(folder.path, name);
  const [ours, other] = [await authority.issue("localhost"), await authority.issue("other")];
  const files = {
    "cert.pem": ours.cert,
    "key.pem": ours.key,
    "chain.pem": `${ours.cert}${await authority.certificate()}`,
    "cut.pem": `${ours.cert}${(await authority.certificate()).slice(0, 200)}`,
    "other.key": other.key,
    "empty.pem": "",
    "text.pem": "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n",
  };
  for (const [name, content] of Object.entries(files)) await Bun.write(file(name), content);
  const read = (certPath: string, keyPath: string) => {
    const paths = { certPath: file(certPath), keyPath: file(keyPath) };
    const pair = readTlsFiles(paths);
    return { ...pair, expiresAt: endOfCertificate(paths, pair) };
  };

  const expiresAt = Date.parse(new X509Certificate(ours.cert).validTo);
  expect(read("cert.pem", "key.pem")).toEqual({ certPem: ours.cert, keyPem: ours.key, expiresAt });
  expect(read("chain.pem", "key.pem").certPem).toBe(files["chain.pem"]);
  for (const [certPath, keyPath, says] of [
    ["absent.pem", "key.pem", /^TWINPOST_TLS_CERT: cannot read .*absent\.pem: ENOENT$/],
    ["cert.pem", "absent.key", /^TWINPOST_TLS_KEY: cannot read .*absent\.key: ENOENT$/],
    [".", "key.pem", /^TWINPOST_TLS_CERT: cannot read .*: EISDIR$/],
    ["empty.pem", "key.pem", /^TWINPOST_TLS_CERT: .*empty\.pem holds no certificate/],
    ["text.pem", "key.pem", /^TWINPOST_TLS_CERT: .*text\.pem holds no certificate/],
    ["cut.pem", "key.pem", /^TWINPOST_TLS_CERT: .*cut\.pem holds no certificate/],
    ["key.pem", "cert.pem", /^TWINPOST_TLS_CERT: .*key\.pem holds no certificate/],
    ["cert.pem", "cert.pem", /^TWINPOST_TLS_KEY: .*cert\.pem holds no private key/],
    ["cert.pem", "other.key", /^TWINPOST_TLS_KEY: .*other\.key is not the key of the certificate in .*cert\.pem$/],
  ] as const) {
    expect(() => read(certPath, keyPath)).toThrow(ConfigError);
    expect(() => read(certPath, keyPath)).toThrow(says);
  }
});
