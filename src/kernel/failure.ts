import type { JsonObject } from "./json.ts";

/** What about the input was wrong: each surface has words or numbers of its own for these. */
export type InvalidKind = "json" | "encoding" | "too_large" | "body" | "parameter" | "rule";

/** What is wrong with a place: nothing was given, it is not of the shape asked for, or it breaks a rule or a limit. */
export type IssueReason = "required" | "format" | "constraint";

/** One complaint about one place in the input; `path` is dotted, empty for the whole. */
export type Issue = { path: string; message: string; reason?: IssueReason };

type ConflictKind = "done" | "exists" | "busy" | "precondition";

/** What stands in the way: for `exists` the thing that has the name already. */
type Obstacle = { resource: string; id: string };

type Quota = { resource: string; quota: number; current: number };

export type Failure =
  | { code: "invalid"; kind: InvalidKind; message: string; issues?: Issue[] }
  /** `malformed`: what was shown could not be a credential at all. */
  | { code: "unauthenticated"; message: string; malformed?: true }
  | { code: "forbidden"; message: string }
  | { code: "unavailable"; message: string }
  | { code: "not_found"; resource: string; id: string; message: string }
  | { code: "conflict"; kind: ConflictKind; message: string; obstacle?: Obstacle; inUse?: true }
  /** The version that was sent is not the stored one; `actual` is 0 where nothing is stored. */
  | { code: "version_mismatch"; message: string; expected: number; actual: number }
  | { code: "limited"; kind: "quota" | "rate"; message: string; retryAfterMs?: number; quota?: Quota };

/** Everything a caller can be told went wrong. Any other thrown value is our bug. */
export class DomainError extends Error {
  override name = "DomainError";
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }
}

/** Absent, or not the caller's to know about: both are told in the same words, so ids cannot be probed. */
export const notFound = (resource: string, id: string) =>
  new DomainError({ code: "not_found", resource, id, message: `${resource} not found.` });

export const forbidden = (message: string) => new DomainError({ code: "forbidden", message });

export const conflict = (kind: ConflictKind, message: string, obstacle?: Obstacle) =>
  new DomainError({ code: "conflict", kind, message, ...(obstacle && { obstacle }) });

/** A thing cannot go or change as long as others need it. */
export const inUse = (message: string) =>
  new DomainError({ code: "conflict", kind: "precondition", message, inUse: true });

export const overQuota = (message: string, quota: Quota) =>
  new DomainError({ code: "limited", kind: "quota", message, quota });

export const invalid = (kind: InvalidKind, message: string, issues?: Issue[]) =>
  new DomainError({ code: "invalid", kind, message, ...(issues && { issues }) });

/** For log lines: what an error says of itself, with its causes, never a payload. */
export function describeError(error: unknown): JsonObject {
  if (!(error instanceof Error)) return { message: String(error) };
  return {
    message: error.message,
    name: error.name,
    stack: error.stack ?? "",
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}
