import { RuleError } from "./errors.ts";

// The characters of a pattern: reads escapes and bracketed classes. For the rewriting see pattern.ts.

const SPACE =
  "\\t-\\r\\x1c-\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
const NO_SPACE =
  "\\x00-\\x08\\x0e-\\x1b\\x21-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" +
  "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";
const WORD = "\\p{L}\\p{N}_";
/** The replacement of a class inside brackets; `\W` has none there. */
const CLASSES: Record<string, string> = { d: "\\p{Nd}", D: "\\P{Nd}", w: WORD, s: SPACE, S: NO_SPACE };

const CONTROLS: Record<string, number> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11, "\\": 92 };

export type State = {
  chars: string[];
  at: number;
  multiline: boolean;
  names: Set<string>;
  endsLoosely: boolean;
  asciiOnly: boolean;
};
/** A piece of RE2 syntax, its weight when compiled, and whether a repeat may follow it. */
export type Piece = { re2: string; size: number; repeatable: boolean };

export const refuse = (what: string) => new RuleError(`not a usable regular expression: ${what}`);

export const ahead = (state: State, text: string) =>
  state.chars.slice(state.at, state.at + text.length).join("") === text;

export function take(state: State): string {
  const char = state.chars[state.at++];
  if (char === undefined) throw refuse("it ends too early");
  return char;
}

export function takeUntil(state: State, end: string): string {
  let text = "";
  for (;;) {
    const char = take(state);
    if (char === end) return text;
    text += char;
  }
}

const codeOf = (char: string) => char.codePointAt(0) as number;
const hex = (code: number) => `\\x{${code.toString(16)}}`;
const plain = (code: number) =>
  /[0-9A-Za-z]/.test(String.fromCodePoint(code)) ? String.fromCodePoint(code) : hex(code);
export const literal = (char: string): Piece => ({ re2: plain(codeOf(char)), size: 1, repeatable: true });

export function escaped(state: State): Piece {
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

/** The character of an escape whose letter has just been read. */
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

export function bracketClass(state: State): Piece {
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
