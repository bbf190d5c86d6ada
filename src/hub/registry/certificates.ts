import { createHash } from "node:crypto";
import type { X509Certificate } from "@peculiar/x509";
import { invalid } from "../../kernel/failure.ts";
import type { Random } from "../../kernel/random.ts";
import type { Certificate } from "./device-rows.ts";

const KEYS = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
const DAY_MS = 86_400_000;
const YEAR_MS = 365.25 * DAY_MS;
const CA_YEARS = 30;
const DEVICE_YEARS = 10;
const SERIAL_BYTES = 16;

/**
 * Loads the library on first use: that takes a tenth of a second, too long for a start, and certificates are handled
 * rarely.
 */
export async function library() {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

export type Library = Awaited<ReturnType<typeof library>>;

/** What making certificates depends on: the time, and randomness for serial numbers. */
type World = { now: number; random: Random };

/** A new CA that signs a hub's device certificates, with its key as PKCS #8. */
export async function createCa({ now, random }: World, hubId: string): Promise<Certificate & { key: Uint8Array }> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(random),
    // Names are passed as parts: a name passed as text could add parts of its own.
    name: [{ CN: [`Twinpost hub ${hubId}`] }],
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + CA_YEARS * YEAR_MS),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { ...certificateOf(certificate), key };
}

export type IssuedCertificate = Certificate & { key: string };

/** A certificate for a device, and its key, which is not stored: the caller receives it only here. */
export async function issueCertificate(
  { now, random }: World,
  ca: { pem: string; key: Uint8Array<ArrayBuffer> },
  name: string,
): Promise<IssuedCertificate> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(ca.pem);
  const signingKey = await crypto.subtle.importKey("pkcs8", ca.key, KEYS, false, ["sign"]);
  const keys = await crypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
  const notAfter = Math.min(now + DEVICE_YEARS * YEAR_MS, issuer.notAfter.getTime());
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(random),
    subject: [{ CN: [name] }],
    issuer: issuer.subjectName.toJSON(),
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(notAfter),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { ...certificateOf(certificate), key: `${x509.PemConverter.encode(key, "PRIVATE KEY")}\n` };
}

/** Reads a device certificate made elsewhere. Refuses one that is malformed, or not valid now. */
export async function readCertificate(now: number, pem: string): Promise<Certificate> {
  return certificateOf(await parse(pem, now, "certificate_pem"));
}

/**
 * A customer's own CA, and the digests of its name and of its key identifier; the latter is empty for a CA without one.
 */
export type CustomCa = Certificate & { subject: string; keyId: string };

/**
 * Reads a customer's own CA. The challenge proves possession of its key: a certificate signed by it, whose only common
 * name is the id of the hub (specification 4.2).
 */
export async function readCa(now: number, hubId: string, caPem: string, challengePem: string): Promise<CustomCa> {
  const x509 = await library();
  const ca = await parse(caPem, now, "ca_cert_pem");
  const challenge = await parse(challengePem, now, "challenge_cert_pem");
  const usage = ca.getExtension(x509.KeyUsagesExtension);
  if (
    !ca.getExtension(x509.BasicConstraintsExtension)?.ca ||
    (usage && !(usage.usages & x509.KeyUsageFlags.keyCertSign))
  ) {
    throw unacceptable("ca_cert_pem", "must be the certificate of a certificate authority", "constraint");
  }
  const names = challenge.subjectName.getField("CN");
  if (names.length !== 1 || names[0] !== hubId) {
    throw unacceptable("challenge_cert_pem", "must have the id of the hub for its one common name", "constraint");
  }
  if (challenge.issuer !== ca.subject || !(await isSignedBy(challenge, ca))) {
    throw unacceptable("challenge_cert_pem", "must be signed by the certificate authority", "constraint");
  }
  return { ...certificateOf(ca), subject: digest(ca.subjectName.toArrayBuffer()), keyId: keyIdOf(x509, ca) ?? "" };
}

/** Returns the SHA-256 of the key identifier of a stored CA; empty if it has none, or the CA cannot be read. */
export async function readKeyId(pem: string): Promise<string> {
  const ca = await decode(pem);
  return (ca && keyIdOf(await library(), ca)) ?? "";
}

/**
 * The SHA-256 of the certificate's subject key identifier (RFC 5280, 4.2.1.2), since identifiers may have any length.
 */
export const keyIdOf = (x509: Library, certificate: X509Certificate): string | null =>
  hashed(certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId);

/** Returns the SHA-256 of the certificate's authority key identifier (RFC 5280, 4.2.1.1), or null if it has none. */
export const issuerKeyIdOf = (x509: Library, certificate: X509Certificate): string | null =>
  hashed(certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId);

const hashed = (keyId: string | undefined) => (keyId ? digest(Buffer.from(keyId, "hex")) : null);

async function isSignedBy(certificate: X509Certificate, ca: X509Certificate): Promise<boolean> {
  try {
    return await certificate.verify({ publicKey: ca.publicKey, signatureOnly: true });
  } catch {
    // The signature's algorithm does not match the key.
    return false;
  }
}

async function parse(pem: string, now: number, argument: string): Promise<X509Certificate> {
  const certificate = await decode(pem);
  if (!certificate) throw unacceptable(argument, "must be one certificate in PEM", "format");
  if (now < certificate.notBefore.getTime() || now > certificate.notAfter.getTime()) {
    throw unacceptable(argument, "is not valid at this time", "constraint");
  }
  return certificate;
}

const ONE_CERTIFICATE = /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;

async function decode(pem: string): Promise<X509Certificate | undefined> {
  if (!ONE_CERTIFICATE.test(pem)) return undefined;
  const x509 = await library();
  try {
    const certificate = new x509.X509Certificate(pem);
    // A key that no signature can be checked with would lock the device out.
    await certificate.publicKey.export();
    // Extensions are parsed lazily; one that cannot be parsed would lock the device out too.
    void certificate.extensions;
    return Number.isNaN(certificate.notAfter.getTime()) ? undefined : certificate;
  } catch {
    return undefined;
  }
}

const certificateOf = (certificate: X509Certificate): Certificate => ({
  pem: `${certificate.toString("pem")}\n`,
  fingerprint: digest(certificate.rawData),
});

/** The SHA-256 of a DER encoding, by which certificates and names are known. */
export const digest = (der: ArrayBuffer | Uint8Array): string =>
  createHash("sha256").update(new Uint8Array(der)).digest("hex");

/** The DER bytes of a certificate stored as PEM. */
export const derOf = (pem: string): Uint8Array =>
  new Uint8Array(Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ""), "base64"));

/** A positive integer without a leading zero byte, as DER requires. */
function serial(random: Random): string {
  const bytes = random.bytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

const unacceptable = (path: string, message: string, reason: "format" | "constraint") =>
  invalid("body", "The certificate is not acceptable.", [{ path, message, reason }]);
