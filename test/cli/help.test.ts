import { expect, test } from "bun:test";
import { PAGES } from "../../src/docs/pages.ts";
import { runHere } from "../support/process/run-here.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";

test("help lists every page of the manual with its title", async () => {
  using folder = memoryFolder();
  const { code, stdout } = await runHere(["help"], { dataDir: folder.path });
  expect(code).toBe(0);
  for (const [name, text] of PAGES) {
    const title = text.split("\n", 1)[0]?.replace("# ", "");
    expect(stdout).toMatch(new RegExp(`^  ${name} +${title?.replace(/[.()]/g, "\\$&")}$`, "m"));
  }
});

test("help prints a page as it stands, but for comments", async () => {
  using folder = memoryFolder();
  const { code, stdout } = await runHere(["help", "configuration"], { dataDir: folder.path });
  expect([code, stdout]).toEqual([0, expect.stringContaining("| `TWINPOST_HTTP` | 127.0.0.1:8080 |")]);
  expect(stdout).not.toContain("<!--");
  const limits = await runHere(["help", "limits"], { dataDir: folder.path });
  expect(limits.stdout).toBe(PAGES.get("limits") as string);
});

test("help refuses a page that does not exist, and lists those that do", async () => {
  using folder = memoryFolder();
  const { code, stdout, stderr } = await runHere(["help", "limit"], { dataDir: folder.path });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toStartWith('twinpost: there is no page "limit"; the pages are:\n');
  expect(stderr).toMatch(/^ {2}limits +/m);
});
