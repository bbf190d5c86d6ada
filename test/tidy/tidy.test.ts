import { expect, test } from "bun:test";
import * as rules from "./rules.ts";
import { readSources, type SourceTree } from "./source-tree.ts";

const SOURCES = await readSources(`${import.meta.dir}/../..`);

const treeOf = (files: Record<string, string>): SourceTree => new Map(Object.entries(files));
const file = (path: string, source = "") => ({ [path]: source });
const manyFiles = (count: number, folder: string, ending: string) =>
  Object.assign({}, ...Array.from({ length: count }, (_, i) => file(`${folder}/file-${i}.${ending}`)));

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
      [
        {
          ...file("test/twins/a.ts", `import { b } from "./b.ts";`),
          ...file("test/twins/b.ts", `import { a } from "./a.ts";`),
        },
        "test/twins/a.ts → test/twins/b.ts → test/twins/a.ts",
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
      [
        {
          ...file("test/support/mqtt/a.ts", `import type { B } from "../world/b.ts";`),
          ...file("test/support/world/b.ts", `import type { A } from "../mqtt/a.ts";`),
        },
        "test/support/mqtt → test/support/world → test/support/mqtt",
      ],
      [
        {
          ...file("scripts/bench/a.ts", `import { b } from "./http/b.ts";`),
          ...file("scripts/bench/http/b.ts", `import type { C } from "../c.ts";`),
          ...file("scripts/bench/c.ts", "export type C = 1;"),
        },
        "scripts/bench → scripts/bench/http → scripts/bench",
      ],
    ],
  ],
  [
    "no folder has more than 25 files",
    rules.hasNoCrowdedFolder,
    [
      [manyFiles(26, "src/twins", "ts"), "src/twins has 26 files"],
      [manyFiles(26, "src/console/pages", "tsx"), "src/console/pages has 26 files"],
      [manyFiles(26, "test/support", "ts"), "test/support has 26 files"],
      [manyFiles(26, "scripts/bench", "ts"), "scripts/bench has 26 files"],
    ],
  ],
  [
    "no file has 400 lines",
    rules.hasNoLongFile,
    [
      [file("src/twins/a.ts", "\n".repeat(399)), "src/twins/a.ts has 400 lines"],
      [file("test/twins/a.test.ts", "\n".repeat(399)), "test/twins/a.test.ts has 400 lines"],
      [file("scripts/a.ts", "\n".repeat(399)), "scripts/a.ts has 400 lines"],
    ],
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
      [
        {
          ...file("test/support/a.ts", "export const a = 1;\nexport const b = a;"),
          ...file("scripts/b.ts", `import { a } from "../test/support/a.ts";`),
        },
        "test/support/a.ts exports b",
      ],
      [file("scripts/a.ts", "export function a() {}"), "scripts/a.ts exports a"],
    ],
  ],
  [
    "scripts import of tests what supports them, and only tests import scripts",
    rules.keepsTestsAndScriptsApart,
    [
      [
        file("scripts/a.ts", `import { b } from "../test/twins/b.ts";\nimport { c } from "../test/support/c.ts";`),
        "scripts/a.ts imports test/twins/b.ts",
      ],
      [
        {
          ...file("test/support/a.ts", `import { b } from "../../scripts/b.ts";`),
          ...file("test/build/b.test.ts", `import { b } from "../../scripts/b.ts";`),
        },
        "test/support/a.ts imports scripts/b.ts",
      ],
      [file("src/twins/a.ts", `import { b } from "../../test/b.ts";`), "src/twins/a.ts imports test/b.ts"],
      [file("src/twins/a.ts", `import { b } from "../../scripts/b.ts";`), "src/twins/a.ts imports scripts/b.ts"],
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
        file(
          "test/twins/a.test.ts",
          ["import { startServer }", `from "../support/process/server-process.ts";`].join(" "),
        ),
        "test/twins/a.test.ts",
      ],
    ],
  ],
  [
    "expectations about promises are awaited",
    rules.awaitsExpectations,
    [[file("test/twins/a.test.ts", `  expect(write()).${"rejects"}.toThrow("no");`), "test/twins/a.test.ts"]],
  ],
  [
    "no two files of a room export the same name",
    rules.hasNoNamesAlike,
    [
      [
        {
          ...file("src/hub/devices/a.ts", "export const A = 1;\nexport type A = 1;"),
          ...file("src/hub/hubs/b.ts", `export { A } from "../devices/a.ts";`),
          ...file("src/hub/hubs/c.ts", "export function A() {}"),
          ...file("src/twins/d.ts", "export class A {}"),
        },
        "src/hub/hubs/c.ts and src/hub/devices/a.ts export A",
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
