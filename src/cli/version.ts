import { VERSION } from "../kernel/version.ts";
import { commit } from "../platform/commit.ts";
import { runtime } from "../platform/process.ts";

/** The output of `twinpost --version`: what a bug report has to include. */
export const describeVersion = () => `twinpost ${VERSION}, commit ${commit() ?? "unknown"}, ${runtime}`;
