import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../..");
const TESTS = new Glob("test/**/*.test.ts");

/** The quick tests of laws that are tried more often in continuous integration: those that import test/support/tries.ts. */
export const lawFiles = (): string[] =>
  [...TESTS.scanSync(root)]
    .filter((file) => /from "[./]+\/support\/tries\.ts"/.test(readFileSync(join(root, file), "utf8")))
    .sort()
    .map((file) => `./${file}`);
