import { join } from "node:path";
import { temporaryFolder } from "./server-process.ts";

/** A certificate authority of a test's own, and certificates by it for host names. Needs the system's openssl. */
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
  return {
    certificate: () => Bun.file(file("ca.pem")).text(),
    async issue(hostName: string) {
      const [request, extensions, issued] = [file(`${hostName}.csr`), file(`${hostName}.ext`), file(`${hostName}.pem`)];
      openssl("req", ...key, "-keyout", file(`${hostName}.key`), "-out", request, "-subj", `/CN=${hostName}`);
      await Bun.write(extensions, `subjectAltName=DNS:${hostName}`);
      const signer = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial"];
      openssl("x509", "-req", "-in", request, ...signer, "-out", issued, "-days", "1", "-extfile", extensions);
      return { cert: await Bun.file(issued).text(), key: await Bun.file(file(`${hostName}.key`)).text() };
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
