import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { enduranceFiles, enduranceSteps, nameOf, SIZES } from "../../scripts/ci/endurance.ts";
import { lawFiles } from "../../scripts/ci/laws.ts";

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The files below a folder that hold tests, whatever their names. */
const testsIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`)
    .filter((path) => /import \{[^}]*\btest\b[^}]*\} from "bun:test"/.test(read(path)))
    .sort();

test("each endurance test is a step of continuous integration, which runs all steps", () => {
  expect(enduranceSteps().map(({ command }) => command.at(-1))).toEqual(
    testsIn("test/endurance").map((path) => `./${path}`),
  );
  expect(read("scripts/ci.ts")).toContain("  ...enduranceSteps(),\n");
  expect(manifest.scripts.endurance).toBe("bun scripts/endurance.ts");
});

test("each size names an endurance test that reads its settings", () => {
  const files = new Map(enduranceFiles().map((file) => [nameOf(file), read(file)]));
  for (const [name, settings] of Object.entries(SIZES)) {
    for (const setting of Object.keys(settings)) {
      expect([name, files.get(name)]).toEqual([name, expect.stringContaining(`process.env["${setting}"]`)]);
    }
  }
});

test("a name chooses the endurance tests whose path contains it", () => {
  expect(enduranceFiles(["mqtt/fuzz", "sick-"])).toEqual([
    "test/endurance/deliveries/sick-receivers.endurance.ts",
    "test/endurance/mqtt/fuzz.endurance.ts",
  ]);
  expect(enduranceFiles(["crashes/"]).map(nameOf)).toContain("crashes/crash-devices");
  expect(enduranceFiles(["no such test"])).toEqual([]);
});

test("property tests that run more often in continuous integration are found by their imports", () => {
  expect(lawFiles()).toContain("./test/kernel/fair-queue.test.ts");
  expect(lawFiles()).toContain("./test/mqtt/matching/subscription-tree.test.ts");
});
