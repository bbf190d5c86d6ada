import { RuleRefusal } from "../values/errors.ts";
import { NESTING_MAX, TREE_HEIGHT_MAX } from "../values/limits.ts";
import { type Token, tokenize } from "./lexer.ts";
import type { BinaryOperator, Node } from "./syntax.ts";

// Precedence climbing over rule-engine's table, loose to tight. Oddities are intentional: `? :` binds tighter than
// `and`, `or`, `not` and the bitwise operators, shifts tighter than sums, minus tighter than `**`, which groups to the
// left.

const NOT_LEVEL = 3;
const CHOICE_LEVEL = 7;
const COMPARISON_LEVEL = 8;
const MINUS_LEVEL = 13;

const LEVELS = new Map<string, number>([
  ["or", 1],
  ["and", 2],
  ["|", 4],
  ["^", 5],
  ["&", 6],
  ...["in", "==", "!=", "<", "<=", ">", ">=", "=~", "=~~", "!~", "!~~"].map((o): [string, number] => [
    o,
    COMPARISON_LEVEL,
  ]),
  ["+", 9],
  ["-", 9],
  ["<<", 10],
  [">>", 10],
  ["*", 11],
  ["/", 11],
  ["//", 11],
  ["%", 11],
  ["**", 12],
]);

type Cursor = { tokens: Token[]; next: number; nesting: number };
/** A node without its height, which is computed from its parts. */
type Bare = Node extends infer N ? (N extends Node ? Omit<N, "height"> : never) : never;

/** Parses a whole rule into its syntax tree, or refuses it. The stack it needs is bounded for any text. */
export function parse(text: string): Node {
  const cursor: Cursor = { tokens: tokenize(text), next: 0, nesting: 0 };
  const tree = parseExpression(cursor, 0);
  if (peek(cursor).kind !== "end") throw unexpected(peek(cursor));
  return tree;
}

const peek = (cursor: Cursor) => cursor.tokens[cursor.next] as Token;
const take = (cursor: Cursor) => cursor.tokens[cursor.next++] as Token;

function accept(cursor: Cursor, kind: string): boolean {
  if (peek(cursor).kind !== kind) return false;
  cursor.next++;
  return true;
}

function expect(cursor: Cursor, kind: string): Token {
  if (peek(cursor).kind !== kind) throw unexpected(peek(cursor), kind);
  return take(cursor);
}

function unexpected({ kind, text, at }: Token, wanted?: string): RuleRefusal {
  const found = kind === "end" ? "the rule ends" : `unexpected ${text}`;
  return new RuleRefusal(wanted ? `${found} where ${wanted} is expected` : found, at);
}

function tree(node: Bare, ...parts: (Node | undefined)[]): Node {
  const height = 1 + parts.reduce((highest, part) => Math.max(highest, part?.height ?? 0), 0);
  if (height > TREE_HEIGHT_MAX)
    throw new RuleRefusal(`operations are nested deeper than ${TREE_HEIGHT_MAX} levels`, node.at);
  return { ...node, height } as Node;
}

/** Parses an expression whose operators are all of `level` or tighter. */
function parseExpression(cursor: Cursor, level: number): Node {
  if (++cursor.nesting > NESTING_MAX) {
    throw new RuleRefusal(`nested deeper than ${NESTING_MAX} levels`, peek(cursor).at);
  }
  let left = parsePrefixed(cursor);
  let comparable = true;
  for (;;) {
    const token = peek(cursor);
    if (token.kind === "?") {
      if (level > CHOICE_LEVEL) break;
      left = parseChoice(cursor, left);
    } else if (token.kind === "not") {
      // `not in` is as loose as `not` on its left and as tight as `in` on its right: `a == b not in c` tests the
      // membership of `a == b`.
      if (level > NOT_LEVEL) break;
      cursor.next++;
      expect(cursor, "in");
      left = binary("not in", token, left, parseExpression(cursor, COMPARISON_LEVEL + 1));
      comparable = false;
      continue;
    } else {
      const tokenLevel = LEVELS.get(token.kind);
      if (tokenLevel === undefined || tokenLevel < level) break;
      if (tokenLevel === COMPARISON_LEVEL && !comparable) {
        throw new RuleRefusal(`comparisons cannot be chained: unexpected ${token.text}`, token.at);
      }
      cursor.next++;
      left = binary(token.kind as BinaryOperator, token, left, parseExpression(cursor, tokenLevel + 1));
      comparable = tokenLevel !== COMPARISON_LEVEL;
      continue;
    }
    comparable = true;
  }
  cursor.nesting--;
  return left;
}

const binary = (operator: BinaryOperator, { at }: Token, left: Node, right: Node) =>
  tree({ kind: "binary", operator, left, right, at }, left, right);

function parseChoice(cursor: Cursor, condition: Node): Node {
  const { at } = take(cursor);
  const yes = parseExpression(cursor, 0);
  expect(cursor, ":");
  const no = parseExpression(cursor, CHOICE_LEVEL);
  return tree({ kind: "choice", condition, yes, no, at }, condition, yes, no);
}

function parsePrefixed(cursor: Cursor): Node {
  const token = peek(cursor);
  if (token.kind !== "not" && token.kind !== "-") return parseOperand(cursor);
  cursor.next++;
  const operand = parseExpression(cursor, token.kind === "not" ? NOT_LEVEL : MINUS_LEVEL);
  return tree({ kind: token.kind === "not" ? "not" : "minus", operand, at: token.at }, operand);
}

/**
 * A literal, name or group with its attributes, items and calls. Numbers and booleans have attributes only in
 * parentheses.
 */
function parseOperand(cursor: Cursor): Node {
  const first = peek(cursor);
  let attachable = !["number", "inf", "nan", "true", "false"].includes(first.kind);
  let object = parsePrimary(cursor);
  for (;;) {
    const token = peek(cursor);
    const { kind, at } = token;
    if (kind === "(") {
      cursor.next++;
      const args = accept(cursor, ")") ? [] : parseList(cursor, ")", false);
      object = tree({ kind: "call", callee: object, args, at }, object, ...args);
      attachable = true;
    } else if (kind === "." || kind === "&." || kind === "[" || kind === "&[") {
      if (!attachable) throw unexpected(token);
      object = kind === "." || kind === "&." ? parseAttribute(cursor, object) : parseItem(cursor, object);
    } else return object;
  }
}

function parseAttribute(cursor: Cursor, object: Node): Node {
  const { kind, at } = take(cursor);
  const name = expect(cursor, "name").text;
  return tree({ kind: "attribute", object, name, safe: kind === "&.", at }, object);
}

function parseItem(cursor: Cursor, object: Node): Node {
  const { kind, at } = take(cursor);
  const safe = kind === "&[";
  const start = peek(cursor).kind === ":" ? undefined : parseExpression(cursor, 0);
  if (!accept(cursor, ":")) {
    expect(cursor, "]");
    const item = start as Node;
    return tree({ kind: "item", object, item, safe, at }, object, item);
  }
  const stop = peek(cursor).kind === "]" ? undefined : parseExpression(cursor, 0);
  expect(cursor, "]");
  return tree({ kind: "slice", object, start, stop, safe, at }, object, start, stop);
}

/** Expressions up to a closing bracket; if `trailing`, a comma may follow the last one. */
function parseList(cursor: Cursor, close: string, trailing: boolean, first?: Node): Node[] {
  const members = [first ?? parseExpression(cursor, 0)];
  while (!accept(cursor, close)) {
    if (peek(cursor).kind !== ",") throw unexpected(peek(cursor), close);
    cursor.next++;
    if (trailing && accept(cursor, close)) break;
    members.push(parseExpression(cursor, 0));
  }
  return members;
}

function parsePrimary(cursor: Cursor): Node {
  const token = take(cursor);
  const { kind, text, at } = token;
  switch (kind) {
    case "number":
    case "text":
    case "bytes":
    case "datetime":
    case "duration":
      return tree({ kind, text, at });
    case "inf":
    case "nan":
      return tree({ kind: "number", text, at });
    case "true":
    case "false":
      return tree({ kind: "constant", value: kind === "true", at });
    case "null":
      return tree({ kind: "constant", value: null, at });
    case "name":
      return text.startsWith("$")
        ? tree({ kind: "builtin", name: text.slice(1), at })
        : tree({ kind: "variable", name: text, at });
    case "(": {
      const inner = parseExpression(cursor, 0);
      expect(cursor, ")");
      return inner;
    }
    case "[":
      return parseArray(cursor, at);
    case "{":
      return parseBraces(cursor, at);
    default:
      throw unexpected(token, "a value");
  }
}

function parseArray(cursor: Cursor, at: number): Node {
  if (accept(cursor, "]")) return tree({ kind: "array", members: [], at });
  const first = parseExpression(cursor, 0);
  if (accept(cursor, "for")) return parseComprehension(cursor, at, first);
  const members = parseList(cursor, "]", true, first);
  return tree({ kind: "array", members, at }, ...members);
}

function parseComprehension(cursor: Cursor, at: number, result: Node): Node {
  const variable = expect(cursor, "name").text;
  expect(cursor, "in");
  const iterable = parseExpression(cursor, 0);
  const condition = accept(cursor, "if") ? parseExpression(cursor, 0) : undefined;
  expect(cursor, "]");
  return tree({ kind: "comprehension", result, variable, iterable, condition, at }, result, iterable, condition);
}

function parseBraces(cursor: Cursor, at: number): Node {
  if (accept(cursor, "}")) return tree({ kind: "mapping", entries: [], at });
  const first = parseExpression(cursor, 0);
  if (peek(cursor).kind !== ":") {
    const members = parseList(cursor, "}", true, first);
    return tree({ kind: "set", members, at }, ...members);
  }
  const entries: [Node, Node][] = [];
  for (let key = first; ; key = parseExpression(cursor, 0)) {
    expect(cursor, ":");
    entries.push([key, parseExpression(cursor, 0)]);
    if (accept(cursor, "}")) break;
    if (peek(cursor).kind !== ",") throw unexpected(peek(cursor), "}");
    cursor.next++;
    if (accept(cursor, "}")) break;
  }
  return tree({ kind: "mapping", entries, at }, ...entries.flat());
}
