import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { DomainError } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import {
  accessEpoch,
  findHolder,
  findHolderBySecret,
  findHolderByToken,
  findHolderByUserToken,
} from "./credential-rows.ts";
import { digestOf } from "./credentials.ts";
import { verifyUserToken } from "./user-token.ts";

/** What a caller shows to prove who they are: a user secret in one of its two spellings, or a user token. */
type Credential = { kind: "secret" | "token" | "user_token"; text: string };

/** A secret's alphabet has no dot, a JWT has two (specification 2.4). */
export const credentialFrom = (authorization: string): Credential => ({
  kind: authorization.includes(".") ? "user_token" : "secret",
  text: authorization,
});

const FIND = { secret: findHolderBySecret, token: findHolderByToken, user_token: findHolderByUserToken };

/** Callers remembered; past it, whoever was found longest ago is forgotten. */
const REMEMBERED_MAX = 10_000;

/**
 * Finds the user behind a credential. Who was found is remembered, by digest or token id, for as long as the access epoch stands: the
 * database moves it with every change by which somebody may lose rights.
 */
export class Authenticator {
  readonly #deps: Deps;
  /** By kind of credential and id: what is one spelling's secret must never pass for the other's. */
  readonly #remembered = new Map<string, UserActor>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Refuses unknown, ended and deleted credentials with `unauthenticated`, in the same words. */
  async authenticate({ kind, text }: Credential): Promise<UserActor> {
    const id = kind === "user_token" ? await verifyUserToken(this.#deps, text) : digestOf(text);
    if (id === undefined) throw unauthenticated();
    const now = this.#deps.clock.now();
    const key = `${kind} ${id}`;
    const actor = this.#deps.store.read((reader) => this.#recall(reader, key) ?? FIND[kind](reader, id));
    if (!actor || hasEnded(actor, now)) throw unauthenticated();
    this.#remember(key, actor);
    return actor;
  }

  #recall(reader: Reader, key: string): UserActor | undefined {
    const actor = this.#remembered.get(key);
    return actor?.accessEpoch === reader.once(accessEpoch) ? actor : undefined;
  }

  #remember(key: string, actor: UserActor): void {
    if (this.#remembered.get(key) === actor) return;
    this.#remembered.delete(key);
    this.#remembered.set(key, actor);
    if (this.#remembered.size > REMEMBERED_MAX) this.#remembered.delete(this.#remembered.keys().next().value as string);
  }
}

/** The user as they stand now, who once proved to be one; `unauthenticated` if their secret or token has ended. */
export function renew(reader: Reader, actor: UserActor, now: number): UserActor {
  if (hasEnded(actor, now)) throw unauthenticated();
  if (actor.accessEpoch === reader.once(accessEpoch)) return actor;
  const { token, userId } = actor;
  const renewed = token ? findHolderByUserToken(reader, token.id) : findHolder(reader, userId);
  if (!renewed || hasEnded(renewed, now)) throw unauthenticated();
  return actor.dictionary ? { ...renewed, dictionary: actor.dictionary } : renewed;
}

export const hasEnded = ({ expiresAt }: UserActor, now: number) => expiresAt !== null && expiresAt <= now;

export const unauthenticated = (message = "The secret or token is not valid.") =>
  new DomainError({ code: "unauthenticated", message });
