import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { connect } from "node:tls";
import type { TlsPair } from "../../../src/platform/tls.ts";
import { temporaryFolder } from "../process/server-process.ts";

/** A certificate authority of the test, and certificates by it for host names. Needs the system's openssl. */
export function openAuthority() {
  const folder = temporaryFolder();
  const file = (name: string) => join(folder.path, name);
  const openssl = (...args: string[]) => {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args], { stdout: "ignore", stderr: "pipe" });
    if (exitCode !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.pem"),
    "-subj",
    "/CN=Test CA",
    "-days",
    "2",
  );
  const authority = {
    certificate: () => Bun.file(file("ca.pem")).text(),
    /** A new one each time. */
    async issue(hostName: string) {
      const [request, extensions, issued] = [file(`${hostName}.csr`), file(`${hostName}.ext`), file(`${hostName}.pem`)];
      openssl("req", ...key, "-keyout", file(`${hostName}.key`), "-out", request, "-subj", `/CN=${hostName}`);
      await Bun.write(extensions, `subjectAltName=DNS:${hostName}`);
      const signer = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial"];
      openssl("x509", "-req", "-in", request, ...signer, "-out", issued, "-days", "1", "-extfile", extensions);
      return { cert: await Bun.file(issued).text(), key: await Bun.file(file(`${hostName}.key`)).text() };
    },
    /** The same, as files; each time the same ones. */
    async files(hostName: string): Promise<{ certPath: string; keyPath: string }> {
      await authority.issue(hostName);
      return { certPath: file(`${hostName}.pem`), keyPath: file(`${hostName}.key`) };
    },
    /** The same, in the form that listeners take. */
    async pair(hostName: string): Promise<TlsPair> {
      const { cert, key } = await authority.issue(hostName);
      return { certPem: cert, keyPem: key };
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
  return authority;
}

export const fingerprintOf = (pem: string) => new X509Certificate(pem).fingerprint256;

/**
 * The fingerprint of the certificate served to a new connection, which this authority must have issued for `localhost`.
 */
export function fingerprintServed(port: number, caPem: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca: caPem });
  socket.once("secureConnect", () => {
    resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? "none");
    socket.destroy();
  });
  socket.once("error", reject);
  return promise;
}
