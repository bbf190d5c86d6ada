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

/** What a caller presents: a user secret in one of its two forms, or a user token. */
type Credential = { kind: "secret" | "token" | "user_token"; text: string };

/** Tells the kinds apart: a secret's alphabet has no dot, a JWT has two (specification 2.4). */
export const credentialFrom = (authorization: string): Credential => ({
  kind: authorization.includes(".") ? "user_token" : "secret",
  text: authorization,
});

const FIND = { secret: findHolderBySecret, token: findHolderByToken, user_token: findHolderByUserToken };

/** Size of the cache of callers; beyond it the oldest entry is evicted. */
const REMEMBERED_MAX = 10_000;

/**
 * Finds the user behind a credential. Results are cached by digest or token id until the access epoch changes; the
 * database advances the epoch with every change that may take rights away.
 */
export class Authenticator {
  readonly #deps: Deps;
  /** Keyed by kind of credential and id: one form of a secret must never be accepted as the other. */
  readonly #remembered = new Map<string, UserActor>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Refuses unknown, expired and deleted credentials with `unauthenticated`, in the same words. */
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

/** The current state of a user who was authenticated before; `unauthenticated` if their secret or token has ended. */
export function currentActor(reader: Reader, actor: UserActor, now: number): UserActor {
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
