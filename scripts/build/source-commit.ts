import { gitCommit } from "../../src/platform/commit.ts";

/** The commit that is built: of this clone, or the given one where there is no history (a container image). */
export const sourceCommit = (root: string): string | undefined => process.env["TWINPOST_COMMIT"] || gitCommit(root);
