import type { JsonObject } from "./json.ts";

/** What a role permits: everything but the listed actions (`deny`), or nothing but them (`allow`). */
export type Statement = { effect: "allow" | "deny"; actions: string[] | null };

/**
 * Which resources the users of a role may touch: texts of the rule language. Null lets them touch what their own account has, and
 * nothing of others (specification 1.11).
 */
export type RoleRules = { twin: string | null; identity: string | null; entry: string | null };

export const NO_RULES: RoleRules = { twin: null, identity: null, entry: null };

/** What a user token may be used for beside standing in for a secret: to make further tokens, to be refreshed. */
export const TOKEN_OPTIONS = ["create", "refresh"] as const;
export type TokenOption = (typeof TOKEN_OPTIONS)[number];

/** Somebody who proved to be a user, by secret or by token, as they stood when they asked. */
export type UserActor = {
  kind: "user";
  accountId: string;
  userId: string;
  roleId: string;
  /** Null once the role is gone: the user is locked out. */
  statement: Statement | null;
  rules: RoleRules;
  /** Present when the caller came with a user token instead of the secret. */
  token?: { id: string; options: TokenOption[] };
  /** When the secret ends, or the token if that is sooner. */
  expiresAt: number | null;
  /** The dictionary that came with the request, which rules see as `DICT`. */
  dictionary?: JsonObject;
  /** The state of everybody's rights in which all this was so. */
  accessEpoch: number;
};

/** A device on its own connection. It has no role: it may get, put and patch the documents of the twin it is, and nothing else. */
export type DeviceActor = { kind: "device"; accountId: string; deviceId: string };

/** Who asks for something: plain data, so that a command and its actor can be queued, repeated or sent elsewhere. */
export type Actor =
  | UserActor
  | DeviceActor
  /** Whoever owns the machine and runs its command line. */
  | { kind: "operator" }
  /** Twinpost's own jobs. */
  | { kind: "system" }
  /** A caller without credentials, on the few operations that need none. */
  | { kind: "anonymous" };

export const OPERATOR: Actor = { kind: "operator" };
export const SYSTEM: Actor = { kind: "system" };
export const ANONYMOUS: Actor = { kind: "anonymous" };
