// Texts count in code points, as in Python; JavaScript's own lengths and indexes count UTF-16 units.

const SURROGATE = /[\ud800-\udfff]/;

/** Whether units and code points are the same in this text, which makes everything below cheap. */
const isPlain = (text: string) => !SURROGATE.test(text);

export const codePointLength = (text: string): number => (isPlain(text) ? text.length : codePoints(text).length);

export const codePoints = (text: string): string[] => Array.from(text);

/** The code point at a position from 0, or undefined beyond the end. */
export function codePointAt(text: string, index: number): string | undefined {
  if (isPlain(text)) return text[index];
  return codePoints(text)[index];
}

export function sliceText(text: string, start: number, stop: number): string {
  if (isPlain(text)) return text.slice(start, stop);
  return codePoints(text).slice(start, stop).join("");
}

/** Compares by code points: a surrogate pair sorts after U+FFFF, although its units do not. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  if (isPlain(a) && isPlain(b)) return a < b ? -1 : 1;
  const x = codePoints(a);
  const y = codePoints(b);
  for (let i = 0; i < x.length && i < y.length; i++) {
    const difference = (x[i]?.codePointAt(0) as number) - (y[i]?.codePointAt(0) as number);
    if (difference !== 0) return difference;
  }
  return x.length - y.length;
}

const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SPACES_AROUND = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
const SPACES_BEFORE = new RegExp(`^[${SPACE}]+`);
const SPACES = new RegExp(`[${SPACE}]+`);

/** Strips at both ends the characters that Python treats as white space. */
export const strip = (text: string) => text.replace(SPACES_AROUND, "");

/**
 * Splits at white space, at most `max` times; no empty parts. The part after the last split keeps its trailing white
 * space.
 */
export function splitAtSpaces(text: string, max: number): string[] {
  const parts: string[] = [];
  let rest = text.replace(SPACES_BEFORE, "");
  while (rest !== "" && parts.length < max) {
    const gap = SPACES.exec(rest);
    if (!gap) break;
    parts.push(rest.slice(0, gap.index));
    rest = rest.slice(gap.index + gap[0].length);
  }
  return rest === "" ? parts : [...parts, rest];
}

/** Splits at each `separator`, at most `max` times. */
export function splitAt(text: string, separator: string, max: number): string[] {
  const parts: string[] = [];
  let from = 0;
  while (parts.length < max) {
    const at = text.indexOf(separator, from);
    if (at < 0) break;
    parts.push(text.slice(from, at));
    from = at + separator.length;
  }
  parts.push(text.slice(from));
  return parts;
}
