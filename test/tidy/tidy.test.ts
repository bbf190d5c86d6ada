import { expect, test } from "bun:test";
import * as rules from "./rules.ts";
import { readSources, type SourceTree } from "./source-tree.ts";

const SOURCES = await readSources(`${import.meta.dir}/../..`);

const treeOf = (files: Record<string, string>): SourceTree => new Map(Object.entries(files));
const file = (path: string, source = "") => ({ [path]: source });
const manyFiles = (count: number) =>
  Object.assign({}, ...Array.from({ length: count }, (_, i) => file(`src/twins/file-${i}.ts`)));

/** Each rule with source trees that break it, and the violation it reports. */
const RULES: [name: string, rule: rules.Rule, broken: [Record<string, string>, string][]][] = [
  [
    "no file imports a room of the same rank or above",
    rules.keepsRanks,
    [
      [file("src/twins/a.ts", `import type { A } from "../http/a.ts";`), "src/twins/a.ts imports src/http/a.ts"],
      [file("src/mqtt/a.ts", `import { a } from "../http/a.ts";`), "src/mqtt/a.ts imports src/http/a.ts"],
      [file("src/nouns/a.ts"), "src/nouns/a.ts: nouns has no rank"],
    ],
  ],
  [
    "inside a room no folder imports one of the same rank or above",
    rules.keepsInnerRanks,
    [
      [
        file("src/mqtt/wire/a.ts", `import type { A } from "../connections/a.ts";`),
        "src/mqtt/wire/a.ts imports src/mqtt/connections/a.ts",
      ],
      [
        file("src/hub/devices/a.ts", `import { a } from "../hubs/a.ts";`),
        "src/hub/devices/a.ts imports src/hub/hubs/a.ts",
      ],
      [file("src/hub/model/a.ts", `import { a } from "../a.ts";`), "src/hub/model/a.ts: model has no rank in hub"],
      [
        file("src/store/sqlite/a.ts", `import { a } from "../store.ts";`),
        "src/store/sqlite/a.ts imports src/store/store.ts",
      ],
    ],
  ],
  [
    "no file imports itself through others at run time",
    rules.hasNoCircleByValue,
    [
      [
        {
          ...file("src/twins/a.ts", `import { b } from "./b.ts";`),
          ...file("src/twins/b.ts", `import { type A, a } from "./a.ts";`),
        },
        "src/twins/a.ts → src/twins/b.ts → src/twins/a.ts",
      ],
    ],
  ],
  [
    "no folder imports itself through others, types included",
    rules.hasNoCircleOfFolders,
    [
      [
        {
          ...file("src/hub/devices/a.ts", `import type { B } from "../hubs/b.ts";`),
          ...file("src/hub/hubs/b.ts", `import type { A } from "../devices/a.ts";`),
        },
        "src/hub/devices → src/hub/hubs → src/hub/devices",
      ],
    ],
  ],
  ["no folder has more than 25 files", rules.hasNoCrowdedFolder, [[manyFiles(26), "src/twins has 26 files"]]],
  [
    "no file has 400 lines",
    rules.hasNoLongFile,
    [[file("src/twins/a.ts", "\n".repeat(399)), "src/twins/a.ts has 400 lines"]],
  ],
  [
    "every export is imported by another file",
    rules.hasNoDeadExport,
    [
      [
        {
          ...file("src/twins/a.ts", "export const a = 1;\nexport type B = 1;\nexport function c() {}"),
          ...file("test/a.test.ts", `import { a as other, type B } from "../src/twins/a.ts";`),
        },
        "src/twins/a.ts exports c",
      ],
    ],
  ],
  [
    "relative imports have a file extension",
    rules.hasEndings,
    [[file("scripts/a.ts", `import { b } from "./b";`), "scripts/a.ts imports ./b"]],
  ],
  [
    "only kernel/clock.ts reads the time",
    rules.asksTheClock,
    [[file("src/twins/a.ts", "const now = Date.now();"), "src/twins/a.ts: Date.now"]],
  ],
  [
    "only kernel/random.ts produces random values",
    rules.asksRandom,
    [[file("src/twins/a.ts", "crypto.randomUUID()"), "src/twins/a.ts: randomUUID"]],
  ],
  [
    "only platform/ names a runtime",
    rules.namesRuntimeInPlatform,
    [[file("src/twins/a.ts", "Bun.file()"), "src/twins/a.ts: Bun."]],
  ],
  [
    "only config.ts reads the environment",
    rules.asksConfig,
    [[file("src/twins/a.ts", "process.env.PORT"), "src/twins/a.ts: process.env"]],
  ],
  [
    "SQL is written only in rows and store/",
    rules.keepsSqlInRows,
    [[file("src/twins/a.ts", `tx.all("SELECT 1")`), `src/twins/a.ts: "SELECT`]],
  ],
  [
    "tests that start the program as a process are in test/processes/",
    rules.startsProcessesElsewhere,
    [
      [
        file("test/twins/a.test.ts", ["import { startServer }", `from "../support/server-process.ts";`].join(" ")),
        "test/twins/a.test.ts",
      ],
    ],
  ],
];

for (const [name, rule, broken] of RULES) {
  test(name, () => {
    expect(rule(SOURCES)).toEqual([]);
    for (const [files, breach] of broken) expect(rule(treeOf(files))).toEqual([breach]);
  });
}
