import type { Rule } from "./rules.ts";

/**
 * Words that comments, names of tests and pages do not use, because a reader has to guess who or what they mean. Write
 * client, caller, subscriber, receiver, operator or reader; "at most 25"; "rarely"; "returns", "refuses", "receives".
 */
const BANNED = [
  "whoever|whomever",
  "(?:some|any|every)(?:body|one)|nobody",
  // "So long that …" has a meaning without a guess.
  "so (?:long|many|much|few|often)(?! that)",
  "seldom(?:er)?",
  "in the midst",
  "hears of",
  "thereby",
  "dearer|dearest",
];

const COMMENT = /\/\*[\s\S]*?\*\/|(?<![:"'`\w/])\/\/.*$/gm;
const TEST_NAME = /\b(?:test|describe)(?:\.\w+)?(?:\([^()]*\))?\(\s*(["'`])((?:(?!\1).)*)\1/gs;
/** Between two words; a line of a comment begins with an asterisk. */
const GAP = /\s+(?:\*\s+)?/g;
const WORDS = new RegExp(`\\b(?:${BANNED.join("|").replaceAll(" ", GAP.source)})\\b`, "i");

/** The prose of a file: its comments and the names of its tests, or a whole page. */
function proseOf(path: string, text: string): string[] {
  if (path.endsWith(".md")) return [text];
  const names = [...text.matchAll(TEST_NAME)].map((match) => match[2] as string);
  return [...(text.match(COMMENT) ?? []), ...names];
}

/** Comments, names of tests and pages use no banned word. */
export const speaksPlainly: Rule = (tree) =>
  [...tree].flatMap(([path, text]) => {
    if (path.startsWith("test/tidy/words")) return [];
    const found = proseOf(path, text).flatMap((prose) => WORDS.exec(prose)?.[0] ?? []);
    return [...new Set(found)].map((words) => `${path}: ${words.replaceAll(GAP, " ")}`);
  });
