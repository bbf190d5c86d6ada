import { gitCommit } from "../../src/platform/commit.ts";

/** The commit that is built: of this clone, or, where its history is not at hand (a container image), the one that is named. */
export const sourceCommit = (root: string): string | undefined => process.env["TWINPOST_COMMIT"] || gitCommit(root);
