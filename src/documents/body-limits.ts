import type { Config } from "../config.ts";
import type { DepthLimit } from "../kernel/json.ts";

/**
 * More than any document may have, so that one that is too large is refused as a document, with its path, and not as a
 * body.
 */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** Limits of a request that carries a document, on every surface. The data is one level deep in the body. */
export const documentBodyLimits = ({ documentDepthMax }: Config): { byteCount: number; depth: DepthLimit } => ({
  byteCount: BODY_BYTES_MAX,
  depth: { levels: documentDepthMax + 1, path: "data" },
});
