import { RuleError } from "./errors.ts";

// The encodings that `encode` and `decode` support: those of Python's hundred that are still in use.

const HEX = ["base16", "hex"];
const UTF8 = ["utf_8", "utf8", "u8", "utf"];
const ASCII = ["ascii", "us_ascii", "646"];
const LATIN1 = ["latin_1", "latin1", "latin", "iso_8859_1", "iso8859_1", "l1", "8859", "cp819"];

/** Python treats any run of other characters in an encoding's name as an underscore. */
const normalize = (encoding: string) =>
  encoding
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "_")
    .replace(/^_|_$/g, "");

const unknown = (encoding: string) => new RuleError(`unknown encoding ${encoding}`);

/** The bytes of a text. */
export function encodeText(text: string, encoding: string): Uint8Array {
  const lower = encoding.toLowerCase();
  if (HEX.includes(lower)) {
    if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw new RuleError("not hexadecimal");
    return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  }
  if (lower === "base64") return fromBase64(text);
  const name = normalize(encoding);
  if (UTF8.includes(name)) return new TextEncoder().encode(text);
  const codeMax = ASCII.includes(name) ? 0x7f : LATIN1.includes(name) ? 0xff : undefined;
  if (codeMax === undefined) throw unknown(encoding);
  return Uint8Array.from(text, (char) => {
    const code = char.codePointAt(0) as number;
    if (code > codeMax) throw new RuleError(`a character is not in ${name}`);
    return code;
  });
}

/** Like Python's `a2b_base64`: characters outside the alphabet are skipped, complete padding ends it. */
function fromBase64(text: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let count = 0;
  let padding = 0;
  for (const char of text) {
    if (char === "=") {
      padding++;
      if (count % 4 >= 2 && (count % 4) + padding >= 4) return Uint8Array.from(bytes);
      continue;
    }
    const value = ALPHABET.indexOf(char);
    if (value < 0) continue;
    padding = 0;
    bits = ((bits << 6) | value) & 0xffffff;
    count++;
    // The second, third and fourth of a group complete a byte, with 4, 2 and no bits to spare.
    const spare = [0, undefined, 4, 2][count % 4];
    if (spare !== undefined) bytes.push((bits >> spare) & 0xff);
  }
  if (count % 4 !== 0) throw new RuleError("not base64");
  return Uint8Array.from(bytes);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The text of bytes. */
export function decodeBytes(bytes: Uint8Array, encoding: string): string {
  const lower = encoding.toLowerCase();
  if (HEX.includes(lower)) return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (lower === "base64") return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const name = normalize(encoding);
  if (UTF8.includes(name)) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new RuleError("the bytes are not UTF-8", { cause });
    }
  }
  // For empty bytes Python does not even look the encoding up.
  if (bytes.length === 0) return "";
  if (ASCII.includes(name) && bytes.some((byte) => byte > 0x7f)) throw new RuleError("the bytes are not ASCII");
  if (ASCII.includes(name) || LATIN1.includes(name)) return Array.from(bytes, (b) => String.fromCharCode(b)).join("");
  throw unknown(encoding);
}
