import { describeCommands } from "../../src/cli/usage.ts";
import { describeSettings } from "../../src/config.ts";

/** What is written into pages, by its name in the comment before it. */
const PARTS: Readonly<Record<string, () => string>> = {
  commands: () => `\`\`\`text\n${describeCommands()}\`\`\`\n`,
  settings: () => {
    const rows = describeSettings().map(
      ({ variable, fallback, description }) => `| \`${variable}\` | ${fallback} | ${description} |\n`,
    );
    return `| variable | default | meaning |\n| --- | --- | --- |\n${rows.join("")}`;
  },
};

const MARKED = /^(<!-- written by scripts\/docs\.ts: (\w+) -->\n).*?^(<!-- end -->\n)/gms;

/** A page of the manual, with its generated parts as they have to be now. */
export const regenerate = (page: string): string =>
  page.replace(MARKED, (_, begin: string, name: string, end: string) => {
    const part = PARTS[name];
    if (!part) throw new Error(`nothing is known that is named ${name}`);
    return `${begin}\n${part()}\n${end}`;
  });
