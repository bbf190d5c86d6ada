import type { JsonObject } from "./json.ts";

/** What a role permits: everything but the listed actions (`deny`), or only the listed actions (`allow`). */
export type Statement = { effect: "allow" | "deny"; actions: string[] | null };

/**
 * Which resources the users of a role may access, as texts of the rule language. Null: their own account's resources,
 * and none of other accounts (specification 1.11).
 */
export type RoleRules = { twin: string | null; identity: string | null; entry: string | null };

export const NO_RULES: RoleRules = { twin: null, identity: null, entry: null };

/** What a user token may do besides replacing a secret: create further tokens, be refreshed. */
export const TOKEN_OPTIONS = ["create", "refresh"] as const;
export type TokenOption = (typeof TOKEN_OPTIONS)[number];

/** A user authenticated by secret or token, with the rights that applied at the time of the request. */
export type UserActor = {
  kind: "user";
  accountId: string;
  userId: string;
  roleId: string;
  /** Null if the role has been deleted: the user is then locked out. */
  statement: Statement | null;
  rules: RoleRules;
  /** Set if the caller used a user token instead of the secret. */
  token?: { id: string; options: TokenOption[] };
  /** When the secret expires, or the token if that is sooner. */
  expiresAt: number | null;
  /** The dictionary sent with the request; rules read it as `DICT`. */
  dictionary?: JsonObject;
  /** The version of all access rights from which this actor was read. */
  accessEpoch: number;
};

/**
 * A device on its own connection. It has no role: it may get, put and patch the documents of its own twin, and nothing
 * else.
 */
export type DeviceActor = { kind: "device"; accountId: string; deviceId: string };

/** Who makes a request: plain data, so that a command and its actor can be queued, repeated or sent elsewhere. */
export type Actor =
  | UserActor
  | DeviceActor
  /** The operator of the machine, on its command line. */
  | { kind: "operator" }
  /** Twinpost's own jobs. */
  | { kind: "system" }
  /** A caller without credentials, on the few operations that need none. */
  | { kind: "anonymous" };

export const OPERATOR: Actor = { kind: "operator" };
export const SYSTEM: Actor = { kind: "system" };
export const ANONYMOUS: Actor = { kind: "anonymous" };
