import type { Config } from "../config.ts";
import type { BodyLimits } from "./operation.ts";

/** More than any document may have: so that one that is too large is refused as a document, with its place, and not as a body. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** What a request with a document may be, on either surface. Its data stands one level deep in the body. */
export const documentBodyLimits = ({ documentDepthMax }: Config): BodyLimits => ({
  byteCount: BODY_BYTES_MAX,
  depth: { levels: documentDepthMax + 1, path: "data" },
});
