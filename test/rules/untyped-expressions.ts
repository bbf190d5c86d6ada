import type { Chance } from "./chance.ts";
import { LEAVES, type Type } from "./expressions.ts";

// Random rules that are at best well formed. Most fail to evaluate, and the error has to be the same one as
// rule-engine's.

const OPERATORS = [
  "+",
  "-",
  "*",
  "/",
  "//",
  "%",
  "&",
  "|",
  "^",
  "<<",
  ">>",
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "and",
  "or",
  "in",
  "not in",
  "=~",
  "!~~",
];
const ATTRIBUTES = [
  "length",
  "is_empty",
  "to_str",
  "to_flt",
  "to_int",
  "as_upper",
  "floor",
  "is_nan",
  "days",
  "year",
  "weekday",
];
const FUNCTIONS = [
  "$abs",
  "$all",
  "$any",
  "$max",
  "$min",
  "$sum",
  "$split",
  "$range",
  "$parse_float",
  "$map",
  "$filter",
  "word.starts_with",
  "numbers.ends_with",
];

/** A well-formed rule with operands of random types. */
export function untyped(chance: Chance, depth: number): string {
  const part = () => untyped(chance, depth - 1);
  if (depth <= 0 || chance.maybe(0.1)) {
    const type = chance.one(Object.keys(LEAVES) as Type[]);
    return chance.maybe(0.1) ? chance.one(["null", "nothing", "mixed", "nested", "$abs"]) : LEAVES[type](chance, 0);
  }
  switch (chance.below(12)) {
    case 0:
      return `-${part()}`;
    case 1:
      return `not ${part()}`;
    case 2:
      return `${part()} ? ${part()} : ${part()}`;
    case 3:
      return `(${part()}).${chance.one(ATTRIBUTES)}`;
    case 4:
      return `${chance.one(FUNCTIONS)}(${chance.maybe(0.2) ? `${part()}, ` : ""}${part()})`;
    case 5:
      return `[${part()}, ${part()}]`;
    case 6:
      return `[${part()} for v in [${part()}, ${part()}]${chance.maybe(0.4) ? ` if ${part()}` : ""}]`;
    case 7:
      return `(${part()})`;
    case 8:
      return `(${part()})[${part()}${chance.maybe(0.3) ? ":" : ""}]`;
    default:
      return `${part()} ${chance.one(OPERATORS)} ${part()}`;
  }
}

const TOKENS = [
  ...OPERATORS,
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  "?",
  ".",
  "&.",
  "&[",
  "not",
  "for",
  "if",
  "in",
  "-",
  "#",
  "'",
  '"',
  "\\",
  "$",
  "=",
  "!",
  "v",
  "n",
  "word",
  "TWIN",
  "kind",
  "numbers",
  "true",
  "null",
  "inf",
  "1",
  "0x1f",
  ".5",
  "01",
  "1.",
  "'a'",
  "b'a'",
  "else",
  "é",
  "\n",
  "\t",
  "\r",
];

/** The tokens of a rule, and the spaces between them. */
const pieces = (rule: string) => rule.match(/\$?\w+|"[^"]*"|'[^']*'|\s+|[^\w\s]{1,2}/gu) ?? [];

/** A rule with a token or two removed, doubled, exchanged or inserted: usually not a rule any more. */
export function mutated(chance: Chance, rule: string): string {
  const all: string[] = [...pieces(rule)];
  for (let changes = 1 + chance.below(2); changes > 0; changes--) {
    const at = chance.below(all.length + 1);
    const put = chance.one([[], [chance.one(TOKENS)], [` ${chance.one(TOKENS)} `], [all[at] ?? "", all[at] ?? ""]]);
    all.splice(at, chance.below(2), ...put);
  }
  return all.join("");
}

/** Tokens in random order. */
export function soup(chance: Chance): string {
  return Array.from({ length: 1 + chance.below(12) }, () => chance.one(TOKENS) + chance.one(["", " "])).join("");
}
