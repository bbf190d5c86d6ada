import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../..");
const pages = ["README.md", ...new Glob("src/**/*.md").scanSync(root)].sort();

const withoutCode = (text: string) => text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "");
const linksOf = (text: string) => [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link as string);

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const headings = text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** What is wrong with a relative link of a page; undefined if it leads to a file, and to a heading if it names one. */
function faultOf(page: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? join(root, page) : join(root, dirname(page), path);
  if (!existsSync(target)) return `${page}: no file ${link}`;
  if (anchor === undefined) return undefined;
  const isPage = statSync(target).isFile() && target.endsWith(".md");
  return isPage && anchorsOf(readFileSync(target, "utf8")).includes(anchor) ? undefined : `${page}: no heading ${link}`;
}

test("every relative link of README and the pages leads to a file and a heading that exist", () => {
  const links = pages.flatMap((page) =>
    linksOf(readFileSync(join(root, page), "utf8"))
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => ({ page, link })),
  );
  expect(links.length).toBeGreaterThan(40);
  expect(links.flatMap(({ page, link }) => faultOf(page, link) ?? [])).toEqual([]);
});

test("a link that leads nowhere is found", () => {
  expect(faultOf("README.md", "src/docs/absent.md")).toBe("README.md: no file src/docs/absent.md");
  expect(faultOf("README.md", "#absent")).toBe("README.md: no heading #absent");
  expect(faultOf("README.md", "#five-minutes")).toBeUndefined();
});
