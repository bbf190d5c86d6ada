import type { JsonObject } from "./json.ts";

/** What about the input was wrong: each surface has words or numbers of its own for these. */
export type InvalidKind = "json" | "encoding" | "too_large" | "body" | "parameter" | "rule";

/** One complaint about one place in the input; `path` is dotted, empty for the whole. */
export type Issue = { path: string; message: string };

export type Failure =
  | { code: "invalid"; kind: InvalidKind; message: string; issues?: Issue[] }
  | { code: "unauthenticated"; message: string }
  | { code: "forbidden"; message: string }
  | { code: "unavailable"; message: string }
  | { code: "not_found"; resource: string; id: string; message: string }
  | { code: "conflict"; kind: "done" | "exists" | "busy" | "precondition"; message: string }
  | { code: "limited"; kind: "quota" | "rate"; message: string; retryAfterMs?: number };

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

export const conflict = (kind: "done" | "exists" | "busy" | "precondition", message: string) =>
  new DomainError({ code: "conflict", kind, message });

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
