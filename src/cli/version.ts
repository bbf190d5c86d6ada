import { VERSION } from "../kernel/version.ts";
import { commit } from "../platform/commit.ts";
import { runtime } from "../platform/process.ts";

/** What `twinpost --version` says: all that somebody who reports a fault has to tell. */
export const describeVersion = () => `twinpost ${VERSION}, commit ${commit() ?? "unknown"}, ${runtime}`;
