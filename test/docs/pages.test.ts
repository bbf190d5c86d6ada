import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { regenerate } from "../../scripts/docs/regenerate.ts";
import { PAGES } from "../../src/docs/pages.ts";

const root = join(import.meta.dir, "../..");

test("every page in src/docs is a page of the manual, with a title", () => {
  const files = readdirSync(join(root, "src/docs")).filter((name) => name.endsWith(".md") && name !== "README.md");
  expect([...PAGES.keys()].sort()).toEqual(files.map((name) => name.replace(".md", "")).sort());
  for (const [name, text] of PAGES) expect([name, text]).toEqual([name, expect.stringMatching(/^# \S.*\n\n/)]);
});

test("the tables of commands and settings are what the program reads; bun scripts/docs.ts writes them", () => {
  for (const [name, text] of PAGES) expect([name, regenerate(text)]).toEqual([name, text]);
  expect(PAGES.get("commands")).toContain("--passphrase-file FILE");
  expect(PAGES.get("configuration")).toContain("| `TWINPOST_DATA_DIR` | ./twinpost-data |");
});

test("README.md is short", () => {
  expect(Bun.file(join(root, "README.md")).size).toBeLessThan(20_000);
});

test("every room has a README of 10 to 40 lines, to which the map leads", async () => {
  const map = await Bun.file(join(root, "src/README.md")).text();
  const folders = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) {
    const text = await Bun.file(join(root, "src", name, "README.md")).text();
    const lineCount = text.trimEnd().split("\n").length;
    expect([name, lineCount >= 10 && lineCount <= 40]).toEqual([name, true]);
    expect(map).toContain(`[${name}](${name}/README.md)`);
  }
});
