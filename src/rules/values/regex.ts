import { RE2JS } from "re2js";
import { RuleError } from "./errors.ts";
import { charge, type Meter, PATTERN_SIZE_MAX, PATTERN_WORK_PER_STEP } from "./limits.ts";
import { type Translation, translatePattern } from "./pattern.ts";

export type Regex = Omit<Translation, "re2"> & { program: RE2JS; size: number };

/** Compiles a pattern in Python's notation, or refuses it. */
export function compileRegex(pattern: string): Regex {
  const { re2, ...rest } = translatePattern(pattern);
  const program = compile(re2);
  const size = program.programSize();
  if (size > PATTERN_SIZE_MAX) throw new RuleError("not a usable regular expression: it is too large");
  return { program, size, ...rest };
}

function compile(re2: string): RE2JS {
  try {
    return RE2JS.compile(re2);
  } catch (cause) {
    throw new RuleError("not a usable regular expression", { cause });
  }
}

const LETTER_BEYOND_ASCII = /(?![\0-\x7f])[\p{L}\p{N}]/u;

/** The groups of the first match, anchored at the start or anywhere; undefined if there is none. */
export function matchRegex(
  regex: Regex,
  text: string,
  from: "start" | "anywhere",
  meter: Meter,
): (string | null)[] | undefined {
  charge(meter, 1 + (text.length * regex.size) / PATTERN_WORK_PER_STEP);
  if (regex.asciiOnly && LETTER_BEYOND_ASCII.test(text)) {
    throw new RuleError("\\b and \\B only know the letters of ASCII");
  }
  const whole = run(regex.program, text, from);
  if (!regex.endsLoosely || !text.endsWith("\n")) return whole?.groups;
  // Python's `$` also matches before a last line feed, which RE2 cannot express: so the text is also tried without one.
  const shorter = run(regex.program, text.slice(0, -1), from);
  if (!shorter || (whole && whole.start <= shorter.start)) return whole?.groups;
  return shorter.groups;
}

function run(program: RE2JS, text: string, from: "start" | "anywhere") {
  const matcher = program.matcher(text);
  const matched = from === "start" ? matcher.lookingAt() : matcher.find();
  if (!matched) return undefined;
  const groups: (string | null)[] = [];
  for (let i = 1; i <= matcher.groupCount(); i++) groups.push(matcher.group(i) ?? null);
  return { start: matcher.start(), groups };
}
