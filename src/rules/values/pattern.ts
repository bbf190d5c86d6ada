import { PATTERN_SIZE_MAX } from "./limits.ts";
import {
  ahead,
  bracketClass,
  escaped,
  literal,
  type Piece,
  refuse,
  type State,
  take,
  takeUntil,
} from "./pattern-characters.ts";

// Python's regular expressions, rewritten for RE2, which matches in linear time and so cannot be made to hang.
// Refused, because RE2 lacks it: lookaround, backreferences, `\Z`, conditions, atomic groups, possessive repeats, the
// flags a, L and x, counts over 1000, `\W` inside a negated class.
// Rewritten, because it only looks the same: `\d \w \s` are those of Unicode.
// Different, and left so: `\b` knows only ASCII letters (so such a pattern has no result for other letters); `(?i)`
// folds single characters by Unicode's table, where Python lower-cases (they differ for İ, ı, ſ); and of a repeated
// group that can be empty, RE2 keeps the last pass that was not empty, Python the empty one.

export type Translation = {
  re2: string;
  /** Contains `$` outside of `(?m)`, which in Python also matches before a last line feed. */
  endsLoosely: boolean;
  /** Contains `\b` or `\B`. */
  asciiOnly: boolean;
};

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

/** `(?i)` and the like, which Python allows only at the very beginning. */
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
  return flags.replaceAll("u", ""); // texts are matched as Unicode anyway
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
  for (;;) {
    skipComments(state);
    if (state.at >= state.chars.length || ahead(state, "|") || ahead(state, ")")) break;
    const piece = repeated(state, atom(state, depth));
    re2 += piece.re2;
    size += piece.size;
    if (size > PATTERN_SIZE_MAX) throw refuse("it is too large");
  }
  return { re2, size, repeatable: true };
}

/** A comment is ignored: a repeat after it applies to what precedes it. */
function skipComments(state: State): void {
  while (ahead(state, "(?#")) takeUntil(state, ")");
}

function repeated(state: State, piece: Piece): Piece {
  skipComments(state);
  const repeat = takeRepeat(state);
  if (!repeat) return piece;
  if (!piece.repeatable) throw refuse("nothing to repeat");
  if (ahead(state, "+")) throw refuse("possessive repeats are not supported");
  const lazy = ahead(state, "?") ? take(state) : "";
  skipComments(state);
  if (takeRepeat(state)) throw refuse("multiple repeat");
  // The group keeps a replacement of several characters, or of none, in one piece.
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
  if (min > max) throw refuse("a repeat's minimum is above its maximum");
  if (min > 1000 || (max > 1000 && max !== Number.POSITIVE_INFINITY)) throw refuse("a repeat count is at most 1000");
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

function group(state: State, depth: number): Piece {
  const outerMultiline = state.multiline;
  let open = "(";
  if (ahead(state, "?")) {
    state.at++;
    const kind = take(state);
    open = kind === ":" ? "(?:" : kind === "P" ? namedGroup(state) : flagGroup(state, kind);
  }
  const inner = alternatives(state, depth + 1);
  if (!ahead(state, ")")) throw refuse("missing )");
  state.at++;
  state.multiline = outerMultiline;
  return { re2: `${open}${inner.re2})`, size: inner.size + 2, repeatable: true };
}

/** Names are only checked: rules read groups by number. */
function namedGroup(state: State): string {
  const next = take(state);
  if (next === "=") throw refuse("backreferences are not supported");
  if (next !== "<") throw refuse("unknown extension ?P");
  const name = takeUntil(state, ">");
  if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) throw refuse("bad group name");
  if (state.names.has(name)) throw refuse("a group name is used twice");
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
