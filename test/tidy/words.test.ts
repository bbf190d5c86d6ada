import { expect, test } from "bun:test";
import { readSources } from "./source-tree.ts";
import { speaksPlainly } from "./words.ts";

const ROOT = `${import.meta.dir}/../..`;

test("comments, names of tests and pages use plain words", async () => {
  expect(speaksPlainly(await readSources(ROOT))).toEqual([]);
  expect(speaksPlainly(await readSources(ROOT, "{README.md,src/**/*.md}"))).toEqual([]);
});

test("a banned word is found in each kind of prose, and in prose only", () => {
  const found = (path: string, text: string) => speaksPlainly(new Map([[path, text]]));
  expect(found("src/a.ts", "/** Told to whoever asks. */")).toEqual(["src/a.ts: whoever"]);
  expect(found("src/a.ts", "const a = 1; // for everybody")).toEqual(["src/a.ts: everybody"]);
  expect(found("src/a.ts", "/**\n * It waits so\n * long, and seldom ends.\n */")).toEqual(["src/a.ts: so long"]);
  expect(found("test/a.test.ts", `test("nobody is told", () => {});`)).toEqual(["test/a.test.ts: nobody"]);
  expect(found("src/docs/a.md", "Answers In the midst of it.")).toEqual(["src/docs/a.md: In the midst"]);
  expect(found("src/a.ts", `const everybody = "somebody, so long";\n/** So long that it ends. */`)).toEqual([]);
});
