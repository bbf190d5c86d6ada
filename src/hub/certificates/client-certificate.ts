import { createPublicKey, X509Certificate } from "node:crypto";
import type { X509Certificate as Parsed } from "@peculiar/x509";
import { digest, issuerKeyIdOf, keyIdOf, type Library, library } from "../registry/certificates.ts";

// Certificates as unknown clients present them. A handshake proves only who has the key of the first one: dates,
// usages, names and signatures are checked here, and what cannot be read is ignored (RFC 5280, 4.2 and 6.1).

/** Far larger than any certificate of a real device. */
const DER_BYTES_MAX = 16 * 1024;

/** The contents of a certificate. */
export type PresentedCertificate = {
  der: Uint8Array;
  fingerprint: string;
  notBefore: number;
  notAfter: number;
  /** The SHA-256 of the subject name. */
  subject: string;
  issuer: string;
  /** The SHA-256 of the identifiers of its own key and of its issuer's key, if it has them. */
  keyId: string | null;
  issuerKeyId: string | null;
  commonNames: string[];
  /** As SubjectPublicKeyInfo. */
  publicKey: Buffer;
  /** The hash of its signature, for kinds of signatures with a choice of hash. */
  hash: string | null;
  isCa: boolean;
  /** How many intermediate authorities may stand between this certificate and a device; null for any number. */
  pathLength: number | null;
  maySign: boolean;
  mayIssue: boolean;
  /** Whether TLS clients may use the certificate; for a CA, whether they may use the certificates that it issues. */
  isForClients: boolean;
};

/**
 * Parsing a certificate takes one or two milliseconds, as long as the rest of a handshake, and devices come back with
 * the same one: recent results are cached, as many as a hub has devices. The key is the certificate's bytes, so an
 * entry never goes stale. A full cache takes 20 MB.
 */
const lately = new Map<string, PresentedCertificate>();
const LATELY_MAX = 10_000;

/**
 * Parses a certificate. Returns undefined for one that is malformed, not valid now, or has critical extensions that we
 * do not understand.
 */
export async function readPresented(der: Uint8Array, now: number): Promise<PresentedCertificate | undefined> {
  if (der.length > DER_BYTES_MAX) return undefined;
  const fingerprint = digest(der);
  const read = lately.get(fingerprint) ?? (await parse(der, fingerprint));
  if (!read) return undefined;
  lately.delete(fingerprint);
  lately.set(fingerprint, read);
  if (lately.size > LATELY_MAX) lately.delete(lately.keys().next().value as string);
  return now >= read.notBefore && now <= read.notAfter ? read : undefined;
}

async function parse(der: Uint8Array, fingerprint: string): Promise<PresentedCertificate | undefined> {
  const x509 = await library();
  try {
    const own = new Uint8Array(der);
    const certificate = new x509.X509Certificate(own);
    return isUnderstood(certificate) ? describe(x509, certificate, own, fingerprint) : undefined;
  } catch {
    return undefined;
  }
}

function describe(x509: Library, certificate: Parsed, der: Uint8Array, fingerprint: string): PresentedCertificate {
  const constraints = certificate.getExtension(x509.BasicConstraintsExtension);
  const usages = certificate.getExtension(x509.KeyUsagesExtension)?.usages;
  const purposes = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages as string[] | undefined;
  // Without key usages, all are allowed.
  const may = (flag: number) => usages === undefined || (usages & flag) !== 0;
  return {
    der,
    fingerprint,
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    subject: digest(certificate.subjectName.toArrayBuffer()),
    issuer: digest(certificate.issuerName.toArrayBuffer()),
    keyId: keyIdOf(x509, certificate),
    issuerKeyId: issuerKeyIdOf(x509, certificate),
    commonNames: certificate.subjectName.getField("CN"),
    publicKey: Buffer.from(certificate.publicKey.rawData),
    hash: certificate.signatureAlgorithm.hash?.name ?? null,
    isCa: constraints?.ca === true,
    pathLength: constraints?.pathLength ?? null,
    maySign: may(x509.KeyUsageFlags.digitalSignature),
    mayIssue: may(x509.KeyUsageFlags.keyCertSign),
    isForClients: purposes === undefined || purposes.some((purpose) => FOR_CLIENTS.includes(purpose)),
  };
}

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ANY_PURPOSE = "2.5.29.37.0";
const FOR_CLIENTS = [CLIENT_AUTH, ANY_PURPOSE];

/** Basic constraints, key usage, extended key usage; alternative names and policies, which need no check. */
const UNDERSTOOD = ["2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17", "2.5.29.32"];

/** Whether no extension occurs twice, and every critical one is understood. */
function isUnderstood({ extensions }: Parsed): boolean {
  const types = extensions.map(({ type }) => type);
  const strangeOnes = extensions.filter(({ type, critical }) => critical && !UNDERSTOOD.includes(type));
  return new Set(types).size === types.length && strangeOnes.length === 0;
}

/** Whether a certificate that is known by its fingerprint may identify its device; its signature needs no check. */
export const isDeviceCertificate = ({ maySign, isForClients }: PresentedCertificate): boolean =>
  maySign && isForClients;

/** SHA-1 can be forged. */
const HASHES = ["SHA-256", "SHA-384", "SHA-512"];

/** Whether an authority issued a certificate, with `below` authorities between that and the device. */
function issued(authority: PresentedCertificate, subject: PresentedCertificate, below: number): boolean {
  const { isCa, mayIssue, isForClients, pathLength } = authority;
  if (subject.issuer !== authority.subject || !isCa || !mayIssue || !isForClients) return false;
  if (pathLength !== null && pathLength < below) return false;
  return (subject.hash === null || HASHES.includes(subject.hash)) && isSignedBy(subject, authority);
}

function isSignedBy({ der }: PresentedCertificate, { publicKey }: PresentedCertificate): boolean {
  try {
    return new X509Certificate(der).verify(createPublicKey({ key: publicKey, format: "der", type: "spki" }));
  } catch {
    // The signature's algorithm does not match the key, or the kind of key is unknown.
    return false;
  }
}

/** A device's certificate, followed by its issuers found in `between`, as far as they lead. */
export function chainOf(leaf: PresentedCertificate, between: readonly PresentedCertificate[]): PresentedCertificate[] {
  const unused = new Set(between);
  const chain = [leaf];
  for (let current = leaf; ; ) {
    const next = [...unused].find((candidate) => issued(candidate, current, chain.length - 1));
    if (!next) return chain;
    unused.delete(next);
    chain.push(next);
    current = next;
  }
}

/** Whether an authority issued one of the certificates of a chain. */
export const isIssuedUnder = (authority: PresentedCertificate, chain: readonly PresentedCertificate[]): boolean =>
  chain.some((certificate, below) => issued(authority, certificate, below));
