import type { Chance } from "./chance.ts";

// Random regular expressions, to compare the matches of RE2 with those of Python.

const ATOMS = [
  "a",
  "e",
  "t",
  "x",
  ".",
  "\\\\d",
  "\\\\D",
  "\\\\w",
  "\\\\W",
  "\\\\s",
  "\\\\S",
  "[a-m]",
  "[^a-e]",
  "[]a]",
  "[^]a]",
  "[a-]",
  "[\\\\w-]",
  "[\\\\W4]",
  "[\\\\s\\\\S]",
  "[^\\\\S]",
  "[[:x]",
  "\\\\x41",
  "\\\\u00e4",
  "\\\\.",
  "\\\\n",
  "😀",
  "ä",
  "{",
  "}",
  "-",
  "^",
  "$",
  "\\\\A",
  "\\\\060",
  "(?:)",
  "()",
  "(?#no)",
  "1",
  "&",
  "/",
];
const REPEATS = [
  "",
  "",
  "",
  "*",
  "+",
  "?",
  "*?",
  "+?",
  "??",
  "{2}",
  "{1,2}",
  "{,2}",
  "{1,}",
  "{0}",
  "{2,1}",
  "{x",
  "**",
  "{}",
];

function pattern(chance: Chance, depth: number): string {
  const branch = () =>
    Array.from({ length: 1 + chance.below(4) }, () => {
      const grouped = depth > 0 && chance.maybe(0.3);
      const open = chance.one(["(", "(", "(?:", "(?i:", "(?P<g>", "(?s:", "(?m:", "(?-i:"]);
      return (grouped ? `${open}${pattern(chance, depth - 1)})` : chance.one(ATOMS)) + chance.one(REPEATS);
    }).join("");
  return chance.maybe(0.25) ? `${branch()}|${branch()}` : branch();
}

/** Texts to match, as variables: with two constants, no groups would be stored. */
const SUBJECTS = ["word", "name", "emoji", "empty", "lines", "line", "odd"];

/**
 * A rule that returns whether and what a pattern matches. Inner groups are left out, because RE2 differs there for some
 * repeats.
 */
export function matching(chance: Chance): string {
  const flags = chance.one(["", "", "", "(?i)", "(?s)", "(?m)", "(?ms)"]);
  const subject = chance.one(SUBJECTS);
  return `${subject} ${chance.one(["=~", "=~~"])} '${flags}(${pattern(chance, 2)})' ? $re_groups[0] : 'no match'`;
}
