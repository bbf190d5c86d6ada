import { createPublicKey, type KeyObject } from "node:crypto";
import { jwtVerify } from "jose";
import { JOSEError } from "jose/errors";
import type { Deps } from "../../deps.ts";
import { derOf } from "../registry/certificates.ts";
import type { Certificate, Device } from "../registry/device-rows.ts";
import { isDeviceCertificate, readPresented } from "./client-certificate.ts";

/** The maximum age of a token, even if its expiry is later. */
const AGE_MAX_S = 24 * 60 * 60;
/** Tolerance for clocks of devices. */
const LEEWAY_S = 60;
/** Far more than any useful claims take. */
const TOKEN_BYTES_MAX = 8192;
const RSA_BITS_MIN = 2048;

const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** The password as text if it looks like a token. */
export function tokenFrom(password: Uint8Array | null): string | undefined {
  if (!password || password.length > TOKEN_BYTES_MAX) return undefined;
  const text = Buffer.from(password).toString("latin1");
  return JWT.test(text) ? text : undefined;
}

/** Whether a device signed a token, for itself and its hub, with the key of a certificate, less than a day ago. */
export async function isTokenOf(
  { clock }: Pick<Deps, "clock">,
  token: string,
  device: Device,
  certificate: Certificate | null,
): Promise<boolean> {
  if (!certificate) return false;
  const now = clock.now();
  const presented = await readPresented(derOf(certificate.pem), now);
  if (!presented || !isDeviceCertificate(presented)) return false;
  try {
    const key = createPublicKey({ key: presented.publicKey, format: "der", type: "spki" });
    const algorithms = algorithmsOf(key);
    if (algorithms.length === 0) return false;
    await jwtVerify(token, key, {
      algorithms,
      subject: device.id,
      audience: device.hubId,
      requiredClaims: ["sub", "aud", "iat"],
      maxTokenAge: AGE_MAX_S,
      clockTolerance: LEEWAY_S,
      currentDate: new Date(now),
    });
    return true;
  } catch (error) {
    if (error instanceof JOSEError) return false;
    throw error;
  }
}

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const OF_CURVE: Record<string, string> = { prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" };

/** The algorithms that a key can sign with. They depend on the certificate's key, never on the token's header. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string[] {
  if (asymmetricKeyType === "rsa") return (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS_MIN ? RSA : [];
  if (asymmetricKeyType === "ed25519") return ["EdDSA", "Ed25519"];
  const algorithm = OF_CURVE[asymmetricKeyDetails?.namedCurve ?? ""];
  return asymmetricKeyType === "ec" && algorithm ? [algorithm] : [];
}
