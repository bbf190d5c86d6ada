import type { JsonObject } from "./json.ts";

/** What was wrong with the input. Each surface maps these to its own words or numbers. */
export type InvalidKind = "json" | "encoding" | "too_large" | "body" | "parameter" | "rule";

/** What is wrong at a path: the value is missing, has the wrong shape, or breaks a rule or a limit. */
export type IssueReason = "required" | "format" | "constraint";

/** One error at one path of the input; `path` is dotted, empty for the whole input. */
export type Issue = { path: string; message: string; reason?: IssueReason };

type ConflictKind = "done" | "exists" | "busy" | "precondition";

/** What caused the conflict: for `exists`, the resource that already has the name. */
type Obstacle = { resource: string; id: string };

type Quota = { resource: string; quota: number; current: number };

export type Failure =
  | { code: "invalid"; kind: InvalidKind; message: string; issues?: Issue[] }
  /** `malformed`: what was sent could not be a credential at all. */
  | { code: "unauthenticated"; message: string; malformed?: true }
  | { code: "forbidden"; message: string }
  | { code: "unavailable"; message: string }
  | { code: "not_found"; resource: string; id: string; message: string }
  | { code: "conflict"; kind: ConflictKind; message: string; obstacle?: Obstacle; inUse?: true }
  /** The version that was sent is not the stored one; `actual` is 0 if nothing is stored. */
  | { code: "version_mismatch"; message: string; expected: number; actual: number }
  | { code: "limited"; kind: "quota" | "rate"; message: string; retryAfterMs?: number; quota?: Quota };

/** Every failure that a caller can receive. Any other thrown value is our bug. */
export class DomainError extends Error {
  override name = "DomainError";
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }
}

/** Absent, or not the caller's to know about: both give the same message, so ids cannot be probed. */
export const notFound = (resource: string, id: string) =>
  new DomainError({ code: "not_found", resource, id, message: `${resource} not found.` });

export const forbidden = (message: string) => new DomainError({ code: "forbidden", message });

export const conflict = (kind: ConflictKind, message: string, obstacle?: Obstacle) =>
  new DomainError({ code: "conflict", kind, message, ...(obstacle && { obstacle }) });

/** A resource cannot be removed or changed while others use it. */
export const inUse = (message: string) =>
  new DomainError({ code: "conflict", kind: "precondition", message, inUse: true });

export const overQuota = (message: string, quota: Quota) =>
  new DomainError({ code: "limited", kind: "quota", message, quota });

export const invalid = (kind: InvalidKind, message: string, issues?: Issue[]) =>
  new DomainError({ code: "invalid", kind, message, ...(issues && { issues }) });

/** An error as fields of a log line: its message, name and stack, and those of its causes; never a payload. */
export function describeError(error: unknown): JsonObject {
  if (!(error instanceof Error)) return { message: String(error) };
  return {
    message: error.message,
    name: error.name,
    stack: error.stack ?? "",
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}
