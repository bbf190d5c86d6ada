import { jwtVerify, SignJWT } from "jose";
import { JOSEError } from "jose/errors";
import type { Deps } from "../../deps.ts";
import { toSeconds } from "../../kernel/schema.ts";
import type { UserToken } from "./credential-rows.ts";

/**
 * The secret dictionary stays in the store, found by `jti`: every holder of a JWT can read its body (specification
 * 2.4).
 */
export function signUserToken(deps: Deps, accountId: string, token: Omit<UserToken, "secretDict">): Promise<string> {
  const jwt = new SignJWT({ acc: accountId, opt: token.options })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(token.userId)
    .setJti(token.id)
    .setIssuedAt(Math.floor(toSeconds(token.createdAt)));
  if (token.expiresAt !== null) jwt.setExpirationTime(toSeconds(token.expiresAt));
  return jwt.sign(deps.userTokenKey);
}

/**
 * The id of a token that this server signed, or undefined. Whether the token is still valid is the store's to check.
 */
export async function verifyUserToken(deps: Deps, jwt: string): Promise<string | undefined> {
  try {
    const currentDate = new Date(deps.clock.now());
    const { payload } = await jwtVerify(jwt, deps.userTokenKey, { algorithms: ["HS256"], currentDate });
    return payload.jti;
  } catch (error) {
    if (error instanceof JOSEError) return undefined;
    throw error;
  }
}
