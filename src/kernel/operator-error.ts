/** An error for the operator, printed as its message alone, without stack or cause. Exit code 1. */
export class OperatorError extends Error {
  override name = "OperatorError";
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EEXIST: "it exists already",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
};

/** Turns a failure of the file system into one sentence; returns any other error unchanged. */
export function toOperatorError(what: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  if (!("syscall" in error)) return error;
  return new OperatorError(`${what}: ${REASONS[error.code] ?? error.code}`, { cause: error });
}
