import { RuleRefusal } from "../values/errors.ts";

/** Names that are operators or constants, and cannot be variables. */
const RESERVED = new Set(["and", "or", "not", "in", "for", "if", "true", "false", "null", "inf", "nan"]);
const RESERVED_FOR_LATER = new Set(["elif", "else", "while"]);

/** `kind` is the operator or reserved word itself, or the kind of literal or name. `at` is a UTF-16 offset. */
export type Token = { kind: string; text: string; at: number };

const NUMBER =
  /0(?:b[01]+|o[0-7]+|x[0-9a-fA-F]+)|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?/y;
const NAME = /\$?[a-zA-Z_][a-zA-Z0-9_]*/y;
const QUOTED = /([bdts]?)("(?:[^\\\n"]|\\[^\n])*"|'(?:[^\\\n']|\\[^\n])*')/y;
const OPERATOR = /\*\*|\/\/|<<|<=|>>|>=|==|!=|=~~|=~|!~~|!~|[-+*/%<>&|^?:,()[\]{}]/y;
/** An attribute's dot has no space on either side: `a . b` is not an attribute. */
const ATTRIBUTE = /&?\.(?=[a-zA-Z_])/y;

const LITERALS: Record<string, string> = { "": "text", s: "text", b: "bytes", d: "datetime", t: "duration" };

/** Splits a rule into tokens, the last one being the end; refuses characters that start no token. */
export function tokenize(rule: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(rule);
  };
  const push = (kind: string, text: string, length = text.length) => {
    tokens.push({ kind, text, at });
    at += length;
  };
  while (at < rule.length) {
    const char = rule[at] as string;
    if (char === " " || char === "\t" || char === "\n") {
      at++;
      continue;
    }
    // A comment reaches to the end of the rule, which may be a line feed.
    if (char === "#" && /^.*\n?$/.test(rule.slice(at))) break;

    const quoted = take(QUOTED);
    if (quoted) {
      const [all, prefix = "", body = ""] = quoted;
      push(LITERALS[prefix] as string, body, all.length);
      continue;
    }
    const name = take(NAME)?.[0];
    if (name !== undefined) {
      if (RESERVED_FOR_LATER.has(name)) throw new RuleRefusal(`the word ${name} is reserved`, at);
      push(RESERVED.has(name) ? name : "name", name);
      continue;
    }
    const number = take(NUMBER)?.[0];
    if (number !== undefined) {
      push("number", number);
      continue;
    }
    const touches = at > 0 && !/\s/.test(rule[at - 1] as string);
    const operator =
      (touches && (take(ATTRIBUTE)?.[0] ?? (rule.startsWith("&[", at) ? "&[" : undefined))) || take(OPERATOR)?.[0];
    if (!operator) throw new RuleRefusal(`unexpected ${describeChar(rule, at)}`, at);
    push(operator, operator);
  }
  tokens.push({ kind: "end", text: "", at: rule.length });
  return tokens;
}

function describeChar(rule: string, at: number): string {
  const char = String.fromCodePoint(rule.codePointAt(at) as number);
  if (char === '"' || char === "'") return `${char}: the text is not closed on its line`;
  return JSON.stringify(char);
}
