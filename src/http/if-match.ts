import { invalid } from "../kernel/failure.ts";

/** A version as an entity tag. */
export const etagOf = (version: number) => `"${version}"`;

const TAG = /^"([1-9][0-9]{0,9})"$/;

/**
 * The version that an `If-Match` header demands; 0 without the header. Refuses `*`, lists and tags that are not ours:
 * they are conditions of another kind, and misreading one is worse than refusing it.
 */
export function versionFromIfMatch(headers: Headers): number {
  const header = headers.get("if-match");
  if (header === null) return 0;
  const version = TAG.exec(header.trim())?.[1];
  if (version === undefined) {
    throw invalid("parameter", "If-Match is not acceptable.", [
      { path: "If-Match", message: 'must be one version in quotes, such as "3"', reason: "format" },
    ]);
  }
  return Number(version);
}

/** The version that a request is conditional on, from its body or its header. Refuses two that differ. */
export function conditionOf(headers: Headers, bodyVersion: number): number {
  const version = versionFromIfMatch(headers);
  if (version !== 0 && bodyVersion !== 0 && version !== bodyVersion) {
    const message = `is ${bodyVersion}, but If-Match says ${version}`;
    throw invalid("body", "Two versions are given.", [{ path: "version", message, reason: "constraint" }]);
  }
  return version || bodyVersion;
}
