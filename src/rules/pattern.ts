import { RuleError } from "./errors.ts";
import { PATTERN_SIZE_MAX } from "./limits.ts";

// Python's regular expressions, rewritten for RE2, which matches in linear time and so cannot be made to hang. Refused is
// what RE2 has no means for: lookaround, backreferences, `\Z`, conditions, atomic groups, possessive repeats, the flags
// a, L and x, counts over 1000, `\W` inside a negated class. Rewritten is what only looks the same: `\d \w \s` are those
// of Unicode. Not the same, and left so: `\b` knows the letters of ASCII (so such a pattern has no answer for other
// letters), and `(?i)` folds single characters by Unicode's table, where Python lower-cases (they differ for İ, ı, ſ).

export type Translation = {
  re2: string;
  /** Has `$` outside of `(?m)`, which in Python also stands before a last line feed. */
  endsLoosely: boolean;
  /** Has `\b` or `\B`. */
  asciiOnly: boolean;
};

const SPACE =
  "\\t-\\r\\x1c-\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
const NO_SPACE =
  "\\x00-\\x08\\x0e-\\x1b\\x21-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" +
  "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";
const WORD = "\\p{L}\\p{N}_";
/** What stands for a class inside brackets; `\W` cannot be said there. */
const CLASSES: Record<string, string> = { d: "\\p{Nd}", D: "\\P{Nd}", w: WORD, s: SPACE, S: NO_SPACE };

const CONTROLS: Record<string, number> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11, "\\": 92 };

type State = {
  chars: string[];
  at: number;
  multiline: boolean;
  names: Set<string>;
  endsLoosely: boolean;
  asciiOnly: boolean;
};
/** A piece of RE2 syntax, what it weighs when compiled, and whether a repeat may follow. */
type Piece = { re2: string; size: number; repeatable: boolean };

/** Rewrites a Python pattern, or refuses it. */
export function translatePattern(pattern: string): Translation {
  const state: State = {
    chars: Array.from(pattern),
    at: 0,
    multiline: false,
    names: new Set(),
    endsLoosely: false,
    asciiOnly: false,
  };
  const flags = globalFlags(state);
  const { re2 } = alternatives(state, 0);
  if (state.at < state.chars.length) throw refuse("unbalanced )");
  return { re2: flags + re2, endsLoosely: state.endsLoosely, asciiOnly: state.asciiOnly };
}

const refuse = (what: string) => new RuleError(`not a usable regular expression: ${what}`);

const ahead = (state: State, text: string) => state.chars.slice(state.at, state.at + text.length).join("") === text;

function take(state: State): string {
  const char = state.chars[state.at++];
  if (char === undefined) throw refuse("it ends too early");
  return char;
}

function takeUntil(state: State, end: string): string {
  let text = "";
  for (;;) {
    const char = take(state);
    if (char === end) return text;
    text += char;
  }
}

/** `(?i)` and its like, which Python allows at the very beginning only. */
function globalFlags(state: State): string {
  let kept = "";
  for (;;) {
    const found = /^\(\?([a-zA-Z]+)\)/.exec(state.chars.slice(state.at, state.at + 12).join(""));
    if (!found) return kept;
    const flags = acceptFlags(found[1] as string);
    if (flags.includes("m")) state.multiline = true;
    if (flags !== "") kept += `(?${flags})`;
    state.at += found[0].length;
  }
}

function acceptFlags(flags: string): string {
  const unknown = /[^imsu]/.exec(flags)?.[0];
  if (unknown) throw refuse(`the flag ${unknown} is not supported`);
  return flags.replaceAll("u", ""); // which is how texts are matched anyway
}

function alternatives(state: State, depth: number): Piece {
  if (depth > 50) throw refuse("groups are nested too deep");
  const branches = [sequence(state, depth)];
  while (ahead(state, "|")) {
    state.at++;
    branches.push(sequence(state, depth));
  }
  const size = branches.reduce((sum, branch) => sum + branch.size + 1, 0);
  return { re2: branches.map((branch) => branch.re2).join("|"), size, repeatable: true };
}

function sequence(state: State, depth: number): Piece {
  let re2 = "";
  let size = 0;
  while (state.at < state.chars.length && !ahead(state, "|") && !ahead(state, ")")) {
    const piece = repeated(state, atom(state, depth));
    re2 += piece.re2;
    size += piece.size;
    if (size > PATTERN_SIZE_MAX) throw refuse("it is too large");
  }
  return { re2, size, repeatable: true };
}

function repeated(state: State, piece: Piece): Piece {
  const repeat = takeRepeat(state);
  if (!repeat) return piece;
  if (!piece.repeatable) throw refuse("nothing to repeat");
  if (ahead(state, "+")) throw refuse("possessive repeats are not supported");
  const lazy = ahead(state, "?") ? take(state) : "";
  if (takeRepeat(state)) throw refuse("multiple repeat");
  // The group keeps what is more than one character, or empty, in one piece.
  return { re2: `(?:${piece.re2})${repeat.re2}${lazy}`, size: piece.size * repeat.times + 2, repeatable: false };
}

function takeRepeat(state: State): { re2: string; times: number } | undefined {
  const char = state.chars[state.at];
  if (char === "*" || char === "+" || char === "?") {
    state.at++;
    return { re2: char, times: 1 };
  }
  const found = /^\{([0-9]*)(,?)([0-9]*)\}/.exec(state.chars.slice(state.at, state.at + 24).join(""));
  if (!found || found[0] === "{}") return undefined;
  state.at += found[0].length;
  const [, least, comma, most] = found;
  const min = Number(least || 0);
  const max = comma ? (most ? Number(most) : Number.POSITIVE_INFINITY) : min;
  if (min > max) throw refuse("a repeat's least count is above its greatest");
  if (min > 1000 || (max > 1000 && max !== Number.POSITIVE_INFINITY)) throw refuse("counts end at 1000");
  const re2 = max === min ? `{${min}}` : max === Number.POSITIVE_INFINITY ? `{${min},}` : `{${min},${max}}`;
  return { re2, times: Math.max(1, max === Number.POSITIVE_INFINITY ? min + 1 : max) };
}

function atom(state: State, depth: number): Piece {
  const char = take(state);
  switch (char) {
    case "*":
    case "+":
    case "?":
      throw refuse("nothing to repeat");
    case "^":
      return { re2: "^", size: 1, repeatable: false };
    case "$":
      if (!state.multiline) state.endsLoosely = true;
      return { re2: "$", size: 1, repeatable: false };
    case ".":
      return { re2: ".", size: 2, repeatable: true };
    case "[":
      return bracketClass(state);
    case "(":
      return group(state, depth);
    case "\\":
      return escaped(state);
    case "{":
      state.at--;
      if (takeRepeat(state)) throw refuse("nothing to repeat");
      state.at++;
      return literal(char);
    default:
      return literal(char);
  }
}

const codeOf = (char: string) => char.codePointAt(0) as number;
const hex = (code: number) => `\\x{${code.toString(16)}}`;
const plain = (code: number) =>
  /[0-9A-Za-z]/.test(String.fromCodePoint(code)) ? String.fromCodePoint(code) : hex(code);
const literal = (char: string): Piece => ({ re2: plain(codeOf(char)), size: 1, repeatable: true });

function group(state: State, depth: number): Piece {
  const outerMultiline = state.multiline;
  let open = "(";
  if (ahead(state, "?")) {
    state.at++;
    const kind = take(state);
    if (kind === "#") {
      takeUntil(state, ")");
      return { re2: "", size: 0, repeatable: false };
    }
    open = kind === ":" ? "(?:" : kind === "P" ? namedGroup(state) : flagGroup(state, kind);
  }
  const inner = alternatives(state, depth + 1);
  if (!ahead(state, ")")) throw refuse("missing )");
  state.at++;
  state.multiline = outerMultiline;
  return { re2: `${open}${inner.re2})`, size: inner.size + 2, repeatable: true };
}

/** Names are only checked: rules see groups by number. */
function namedGroup(state: State): string {
  const next = take(state);
  if (next === "=") throw refuse("backreferences are not supported");
  if (next !== "<") throw refuse("unknown extension ?P");
  const name = takeUntil(state, ">");
  if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) throw refuse("bad group name");
  if (state.names.has(name)) throw refuse("a group name stands twice");
  state.names.add(name);
  return "(";
}

function flagGroup(state: State, kind: string): string {
  if (kind === "=" || kind === "!") throw refuse("lookahead is not supported");
  if (kind === "<") throw refuse("lookbehind is not supported");
  if (kind === ">") throw refuse("atomic groups are not supported");
  if (kind === "(") throw refuse("conditions are not supported");
  state.at--;
  const flags = takeUntil(state, ":");
  const found = /^([a-zA-Z]*)(?:-([a-zA-Z]+))?$/.exec(flags);
  if (!found || flags === "") throw refuse("unknown extension, or flags that are not at the beginning");
  const on = acceptFlags(found[1] ?? "");
  const off = acceptFlags(found[2] ?? "");
  if (on.includes("m")) state.multiline = true;
  if (off.includes("m")) state.multiline = false;
  if (on === "" && off === "") return "(?:";
  return `(?${on}${off && `-${off}`}:`;
}

function escaped(state: State): Piece {
  const char = take(state);
  if (char === "b" || char === "B") {
    state.asciiOnly = true;
    return { re2: `\\${char}`, size: 1, repeatable: false };
  }
  if (char === "A") return { re2: "\\A", size: 1, repeatable: false };
  if (char === "Z") throw refuse("\\Z is not supported");
  if (char === "W") return { re2: `[^${WORD}]`, size: 4, repeatable: true };
  const inBrackets = CLASSES[char];
  if (inBrackets) return { re2: `[${inBrackets}]`, size: 4, repeatable: true };
  if (/[1-9]/.test(char) && !isOctal(state)) throw refuse("backreferences are not supported");
  return { re2: plain(characterCode(state, char)), size: 1, repeatable: true };
}

/** Three octal digits are a character; one or two are a group's number. */
const isOctal = (state: State) => /^[0-3][0-7]{2}$/.test(state.chars.slice(state.at - 1, state.at + 2).join(""));

/** The character that an escape stands for, whose letter was just taken. */
function characterCode(state: State, char: string): number {
  const control = CONTROLS[char];
  if (control !== undefined) return control;
  const length = { x: 2, u: 4, U: 8 }[char];
  if (length !== undefined) {
    const digits = state.chars.slice(state.at, state.at + length).join("");
    const code = Number.parseInt(digits, 16);
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length < length || code > 0x10ffff)
      throw refuse(`bad escape \\${char}`);
    state.at += length;
    return code;
  }
  if (/[0-7]/.test(char)) {
    const found = /^[0-7]{1,3}/.exec(state.chars.slice(state.at - 1, state.at + 2).join(""))?.[0] as string;
    state.at += found.length - 1;
    const code = Number.parseInt(found, 8);
    if (code > 0o377) throw refuse("an octal escape is too large");
    return code;
  }
  if (/[0-9A-Za-z]/.test(char)) throw refuse(`bad escape \\${char}`);
  return codeOf(char);
}

type ClassItem = { code: number } | { re2: string };

function bracketClass(state: State): Piece {
  const negated = ahead(state, "^");
  if (negated) state.at++;
  let members = "";
  let noWord = false;
  for (let first = true; first || !ahead(state, "]"); first = false) {
    const from = classItem(state);
    if (!ahead(state, "-") || state.chars[state.at + 1] === "]") {
      if ("code" in from) members += hex(from.code);
      else if (from.re2 === "W") noWord = true;
      else members += from.re2;
      continue;
    }
    state.at++;
    const to = classItem(state);
    if (!("code" in from && "code" in to) || from.code > to.code) throw refuse("bad character range");
    members += `${hex(from.code)}-${hex(to.code)}`;
  }
  state.at++;
  if (!noWord) return { re2: `[${negated ? "^" : ""}${members}]`, size: 4, repeatable: true };
  if (negated) throw refuse("\\W inside a negated class is not supported");
  return { re2: members ? `(?:[${members}]|[^${WORD}])` : `[^${WORD}]`, size: 8, repeatable: true };
}

function classItem(state: State): ClassItem {
  const char = take(state);
  if (char !== "\\") return { code: codeOf(char) };
  const escaped = take(state);
  if (escaped === "b") return { code: 8 };
  if (escaped === "W") return { re2: "W" };
  const inBrackets = CLASSES[escaped];
  if (inBrackets) return { re2: inBrackets };
  return { code: characterCode(state, escaped) };
}
