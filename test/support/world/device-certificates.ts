import type { Extension, JsonName, X509Certificate } from "@peculiar/x509";
import type { Credentials } from "../../../src/hub/registry/identity.ts";
import type { openHub } from "./hub.ts";

// The library needs reflect-metadata imported first, and sorted static imports would not keep that order.
await import("reflect-metadata");
export const x509 = await import("@peculiar/x509");

const ELLIPTIC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

export type Made = { certificate: X509Certificate; keys: CryptoKeyPair; der: Uint8Array; pem: string };

type Wish = {
  /** The common names, or the whole subject in parsed form. */
  name?: string | JsonName;
  /** The signer; itself if absent. */
  by?: Made;
  /** An issuer's name other than the signer's. */
  issuer?: JsonName;
  from?: number;
  to?: number;
  ca?: boolean;
  pathLength?: number;
  usages?: number;
  purposes?: string[];
  extensions?: Extension[];
  algorithm?: RsaHashedKeyGenParams | EcKeyGenParams | Algorithm;
  hash?: string;
  keys?: CryptoKeyPair;
};

/** The time that the clocks of worlds begin with. */
export const START = Date.UTC(2026, 0, 1);

/** A certificate with any content, valid or hostile. */
export async function make(wish: Wish = {}): Promise<Made> {
  const algorithm = wish.algorithm ?? ELLIPTIC;
  const keys = wish.keys ?? ((await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair);
  const subject = typeof wish.name === "object" ? wish.name : [{ CN: [wish.name ?? "some device"] }];
  const extensions = [...(wish.extensions ?? [])];
  if (wish.ca !== undefined) extensions.push(new x509.BasicConstraintsExtension(wish.ca, wish.pathLength, true));
  if (wish.usages !== undefined) extensions.push(new x509.KeyUsagesExtension(wish.usages, true));
  if (wish.purposes) extensions.push(new x509.ExtendedKeyUsageExtension(wish.purposes));
  const signer = wish.by?.keys ?? keys;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex"),
    subject,
    issuer: wish.issuer ?? wish.by?.certificate.subjectName.toJSON() ?? subject,
    notBefore: new Date(wish.from ?? START - DAY_MS),
    notAfter: new Date(wish.to ?? START + 365 * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: {
      ...(signer.privateKey.algorithm as Algorithm),
      hash: wish.hash ?? "SHA-256",
      saltLength: 32,
    } as EcdsaParams,
    extensions,
  });
  return { certificate, keys, der: new Uint8Array(certificate.rawData), pem: `${certificate.toString("pem")}\n` };
}

export const makeCa = (name = "Meter company", wish: Wish = {}) => make({ name, ca: true, ...wish });

/** Gives a hub a customer CA over REST. */
export async function adoptCa(
  h: Pick<Awaited<ReturnType<typeof openHub>>, "call" | "hub">,
  ca: Made,
  hubId: string = h.hub.id,
) {
  const must = async (method: string, path: string, body: object) => {
    const { status, body: answer } = await h.call(method, path, body);
    if (status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  };
  const challenge = await make({ name: hubId, by: ca });
  await must("POST", `/hubs/${hubId}/disable`, {});
  await must("POST", `/hubs/${hubId}/ca`, { ca_cert_pem: ca.pem, challenge_cert_pem: challenge.pem });
  await must("POST", `/hubs/${hubId}/enable`, {});
}

/** What a connection presents; a test gives only what matters to it. */
export const shown = (rest: Partial<Credentials> = {}): Credentials => ({
  certificates: [],
  clientId: "",
  userName: null,
  password: null,
  peer: "192.0.2.7:4711",
  ...rest,
});

/** Identifiers of a certificate's own key, and of its issuer's, as openssl adds them. */
export const keyId = (id: string) => new x509.SubjectKeyIdentifierExtension(id);
export const issuerKeyId = (id: string) => new x509.AuthorityKeyIdentifierExtension(id);

/** A certificate that the server issued, with its key. */
export async function issued({ crt, key }: { crt: string; key: string }): Promise<Made> {
  const certificate = new x509.X509Certificate(crt);
  const privateKey = await crypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(key), ELLIPTIC, true, [
    "sign",
  ]);
  const keys = { privateKey, publicKey: await certificate.publicKey.export() };
  return { certificate, keys, der: new Uint8Array(certificate.rawData), pem: crt };
}

/** The key of a certificate, as PEM. */
export async function keyOf({ keys }: Made): Promise<string> {
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return `${x509.PemConverter.encode(key, "PRIVATE KEY")}\n`;
}

export const derOfPem = (pem: string) => new Uint8Array(new x509.X509Certificate(pem).rawData);

export const bytes = (text: string) => new TextEncoder().encode(text);
