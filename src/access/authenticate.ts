import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { DomainError } from "../kernel/failure.ts";
import { findHolderBySecret, findHolderByToken, findHolderByUserToken } from "./credential-rows.ts";
import { digestOf } from "./credentials.ts";
import { verifyUserToken } from "./user-token.ts";

/** What a caller shows to prove who they are: a user secret in one of its two spellings, or a user token. */
export type Credential = { kind: "secret" | "token" | "user_token"; text: string };

/** A secret's alphabet has no dot, a JWT has two (specification 2.4). */
export const credentialFrom = (authorization: string): Credential => ({
  kind: authorization.includes(".") ? "user_token" : "secret",
  text: authorization,
});

/** The user behind a credential. Refuses unknown, expired and deleted ones with `unauthenticated`, in the same words. */
export async function authenticate(deps: Deps, { kind, text }: Credential): Promise<UserActor> {
  const now = deps.clock.now();
  const id = kind === "user_token" ? await verifyUserToken(deps, text) : digestOf(text);
  if (id === undefined) throw unauthenticated();
  const actor = deps.store.read((reader) => FIND[kind](reader, id, now));
  if (!actor) throw unauthenticated();
  return actor;
}

const FIND = { secret: findHolderBySecret, token: findHolderByToken, user_token: findHolderByUserToken };

export const unauthenticated = (message = "The secret or token is not valid.") =>
  new DomainError({ code: "unauthenticated", message });
