import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { METHOD } from "./method.ts";

/**
 * Headings in the order of the page. The last section is written by hand; every run keeps the sections that it has not
 * measured.
 */
const SECTIONS = ["Figures", "Method", "Neighbours", "Soak", "Where a ratio falls short"] as const;
type Section = (typeof SECTIONS)[number];

const ABSENT = "Nothing here yet.";

const INTRODUCTION = `# Benchmarks

What "fast" means here, measured by \`bun run bench\` (all rows; it writes this page), what a tenant feels of hostile ones, by
\`bun run bench neighbours\`, and how the server fares after a while, by \`bun run bench soak\`. A ratio that falls short is explained at the end.
`;

/** Writes a section of the page, and leaves the others unchanged. */
export function writeSection(
  file: string,
  section: Extract<Section, "Figures" | "Neighbours" | "Soak">,
  text: string,
): void {
  const kept = existsSync(file) ? readSections(readFileSync(file, "utf8")) : new Map<string, string>();
  const sections = new Map([...kept, ["Method", METHOD], [section, text]]);
  const written = SECTIONS.map((title) => `## ${title}\n\n${sections.get(title)?.trim() ?? ABSENT}\n`);
  writeFileSync(file, [INTRODUCTION, ...written].join("\n"));
}

function readSections(page: string): Map<string, string> {
  const [, ...parts] = page.split(/^## /m);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf("\n");
      return [part.slice(0, end).trim(), part.slice(end)];
    }),
  );
}
